/** The page: header, one view at a time, and who computes. */
import type { Engine } from "./engine/engine.ts";
import { Mark } from "./parts/mosaic.tsx";
import { Notice } from "./parts/notice.tsx";
import { Segments } from "./parts/segments.tsx";
import { engine, hrefOf, modelsFailure, route, serverFound, useEngine, type View } from "./state.ts";
import { ClassifyView } from "./views/classify.tsx";
import { InsideView } from "./views/inside.tsx";
import { LineageView } from "./views/lineage.tsx";
import { TrainView } from "./views/train.tsx";

const VIEWS: readonly { view: View; title: string; Show: () => preact.JSX.Element }[] = [
  { view: "classify", title: "Classify", Show: ClassifyView },
  { view: "inside", title: "Look inside", Show: InsideView },
  { view: "lineage", title: "Lineage", Show: LineageView },
  { view: "train", title: "Train", Show: TrainView },
];

/** Or it was opened to a network, and this page is on another machine. */
const SERVER_IS_HERE = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);

export function App() {
  const { Show } = VIEWS.find(({ view }) => view === route.value.view)!;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        To the content
      </button>
      <header class="top">
        <a class="brand" href={hrefOf("classify")}>
          <Mark />
          <span>
            Tessera <em>Studio</em>
          </span>
        </a>
        <nav class="segments" aria-label="Views">
          {VIEWS.map(({ view, title }) => (
            <a key={view} href={hrefOf(view)} aria-current={route.value.view === view ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <EngineSwitch />
      </header>
      <main id="main" tabIndex={-1}>
        {modelsFailure.value !== undefined && <Notice>{modelsFailure.value}</Notice>}
        <Show />
      </main>
      <footer class="foot quiet small">
        {engine.value?.kind === "server" && !SERVER_IS_HERE
          ? `Pictures go to the server at ${location.host}, which computes.`
          : "Everything is computed on this machine. No picture leaves it."}
      </footer>
    </>
  );
}

function EngineSwitch() {
  const kind = engine.value?.kind;
  const hint = serverFound.value
    ? "The Tessera server computes, with ONNX Runtime's native library"
    : "No Tessera server answers";
  return (
    <div class="engine">
      <Segments<Engine["kind"]>
        label="Where networks are computed"
        value={kind}
        choose={(value) => void useEngine(value)}
        choices={[
          {
            value: "server",
            title: SERVER_IS_HERE ? "This machine" : "The server",
            hint,
            disabled: !serverFound.value,
          },
          {
            value: "browser",
            title: "In this page",
            hint: "This page computes, with ONNX Runtime's WebAssembly",
          },
        ]}
      />
    </div>
  );
}
