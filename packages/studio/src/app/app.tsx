/** The frame around every view: header, navigation, engine switch, footer. */
import { useEffect, useRef } from "preact/hooks";
import type { TaskInfo } from "../api/index.ts";
import type { Engine } from "./engine/engine.ts";
import { commandTitle } from "./format.ts";
import { Home } from "./home/home.tsx";
import { Mark } from "./parts/mosaic.tsx";
import { Notice } from "./parts/notice.tsx";
import { Segments } from "./parts/segments.tsx";
import { hrefOf, route } from "./route.ts";
import { engine, listFailure, serverFound, tasks, useEngine } from "./state.ts";
import { useSystem } from "./systems.ts";
import { TrainView } from "./train/view.tsx";

/** False when the server was opened to a network and this page is on another machine. */
const SERVER_IS_LOCAL = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);

export function App() {
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href={hrefOf()}>
          <Mark />
          <span>
            Tessera <em>Studio</em>
          </span>
        </a>
        <Navigation />
        <EngineSwitch />
      </header>
      <main id="main" tabIndex={-1}>
        {listFailure.value !== undefined && <Notice>{listFailure.value}</Notice>}
        <Page />
      </main>
      <footer class="foot quiet small">
        {engine.value?.kind === "server" && !SERVER_IS_LOCAL
          ? `Your files go to the server at ${location.host}, which runs the networks.`
          : "Everything runs on this machine. Nothing you open leaves it."}
      </footer>
    </>
  );
}

function Page() {
  const { page } = route.value;
  if (page === "") return <Home />;
  if (page === "train") return <TrainView />;
  if (!tasks.value) return null;
  const task = tasks.value.find(({ command }) => command === page);
  if (task) return <SystemView key={task.name} task={task} />;
  return (
    <Notice>
      There is no page “{page}” here. <a href={hrefOf()}>See what there is.</a>
    </Notice>
  );
}

function SystemView({ task }: { readonly task: TaskInfo }) {
  const { System, failure } = useSystem(task.name).value ?? {};
  if (failure !== undefined)
    return <Notice>This view could not be loaded. Reload the page. ({failure})</Notice>;
  return System ? <System task={task} path={route.value.path} /> : null;
}

function Navigation() {
  const nav = useRef<HTMLElement>(null);
  const { page } = route.value;
  const pages = [
    ...(tasks.value ?? []).map(({ command }) => ({ page: command, title: commandTitle(command) })),
    { page: "train", title: "Train" },
  ];
  // On a narrow screen the row scrolls.
  useEffect(() => {
    const { current } = nav;
    const tab = current?.querySelector<HTMLElement>('[aria-current="page"]');
    if (current && tab) current.scrollLeft = tab.offsetLeft - (current.clientWidth - tab.offsetWidth) / 2;
  }, [page, pages.length]);
  return (
    <nav class="segments" aria-label="Systems" ref={nav}>
      {pages.map((each) => (
        <a key={each.page} href={hrefOf(each.page)} aria-current={each.page === page ? "page" : undefined}>
          {each.title}
        </a>
      ))}
    </nav>
  );
}

function EngineSwitch() {
  const hint = serverFound.value
    ? "Networks run on the Tessera server, in ONNX Runtime's native library"
    : "No Tessera server answers";
  return (
    <div class="engine">
      <Segments<Engine["kind"]>
        label="Where networks run"
        value={engine.value?.kind}
        choose={(value) => void useEngine(value)}
        choices={[
          {
            value: "server",
            title: SERVER_IS_LOCAL ? "This machine" : "The server",
            hint,
            disabled: !serverFound.value,
          },
          {
            value: "browser",
            title: "In this page",
            hint: "Networks run in this page, in ONNX Runtime's WebAssembly",
          },
        ]}
      />
    </div>
  );
}
