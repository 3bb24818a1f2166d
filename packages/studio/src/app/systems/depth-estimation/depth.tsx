/** The map of a picture, over it or as a relief; distances between points; other networks beside it. */
import { useSignal } from "@preact/signals";
import { COLORMAPS, type Colormap } from "@tessera-ml/media";
import { useMemo } from "preact/hooks";
import type { ModelInfo, TaskInfo } from "../../../api/index.ts";
import { milliseconds, origin, shortTitle } from "../../format.ts";
import { picture, present } from "../../media/present.ts";
import { Stage } from "../../media/stage.tsx";
import { useAnswer } from "../../parts/answer.ts";
import { CubeIcon } from "../../parts/icons.tsx";
import { ModelCard } from "../../parts/model-card.tsx";
import { Notice } from "../../parts/notice.tsx";
import { hrefOf } from "../../route.ts";
import { engine } from "../../state.ts";
import { Distances } from "./distances.tsx";
import { Film } from "./film.tsx";
import { Over } from "./over.tsx";
import { usePainted } from "./paint.ts";
import { Relief } from "./relief.tsx";
import { SCENES } from "./samples.ts";
import { Save } from "./save.tsx";
import {
  colormap,
  compared,
  depthOf,
  look,
  looked,
  MOST_COMPARED,
  measured,
  networks,
  taps,
  tiles,
  toggle,
} from "./state.ts";

const INVITATION = { title: "Drop a photograph or a video", hint: "paste one, choose a file, or take one" };
const COLOUR_NAMES: Readonly<Record<Colormap, string>> = {
  spectralR: "Spectral",
  inferno: "Inferno",
  magma: "Magma",
  viridis: "Viridis",
  turbo: "Turbo",
  grey: "Grey",
};

/** Tiles along the shorter side. */
const DETAIL: readonly (readonly [count: number, title: string])[] = [
  [1, "Whole picture"],
  [2, "2 tiles"],
  [3, "3 tiles"],
  [4, "4 tiles"],
];

export function DepthView({ task }: { readonly task: TaskInfo }) {
  const relief = useSignal(false);
  const depth = useAnswer(() => {
    const [by, about, name] = [engine.value, picture.value, looked.value];
    return by && about && name !== undefined ? depthOf(by, task, about, name) : undefined;
  });
  const { value, failure, waiting } = depth.value;
  const about = picture.value;
  const film = present.value?.medium === "video" ? present.value : undefined;
  // The last map stays, dimmed, unless it is of another picture.
  const shown = about && value && fits(value.answer, about) ? value : undefined;
  // A relief is built anew only for another result.
  const now = useMemo(() => shown && measured(shown, taps.value), [shown, taps.value]);
  return (
    <>
      <h1 class="hidden">{task.title}</h1>
      <div class="depth">
        <Stage accepts={task.accepts} samples={SCENES} invitation={INVITATION}>
          {shown && <Over depth={shown} waiting={waiting} />}
        </Stage>
        <div class="depth-right">
          {failure !== undefined && <Notice>{failure}</Notice>}
          {networks.value.length === 0 && <NoNetwork />}
          {film && <Film task={task} film={film} />}
          <section class="slab depth-tools" aria-label="Map" aria-busy={waiting} hidden={film !== undefined}>
            <div class="depth-head">
              <button
                type="button"
                class="button"
                aria-pressed={relief.value}
                onClick={() => (relief.value = !relief.value)}
              >
                <CubeIcon /> Relief
              </button>
              <label class="depth-choice">
                <span class="small quiet">Colours</span>
                <select
                  value={colormap.value}
                  onChange={({ currentTarget }) => (colormap.value = currentTarget.value as Colormap)}
                >
                  {COLORMAPS.toSorted((a, b) => order(a) - order(b)).map((name) => (
                    <option key={name} value={name}>
                      {COLOUR_NAMES[name]}
                    </option>
                  ))}
                </select>
              </label>
              <label
                class="depth-choice"
                title="Estimates pieces of the picture as well: slower, with finer edges"
              >
                <span class="small quiet">Detail</span>
                <select
                  value={tiles.value}
                  onChange={({ currentTarget }) => (tiles.value = Number(currentTarget.value))}
                >
                  {DETAIL.map(([count, title]) => (
                    <option key={count} value={count}>
                      {title}
                    </option>
                  ))}
                </select>
              </label>
              <span class="small quiet" role="status">
                {waiting && about ? "Estimating …" : shown ? milliseconds(shown.answer.milliseconds) : ""}
              </span>
            </div>
            {relief.value && now && about && <Relief result={now.result} url={about.url} />}
            {!shown && (
              <p class="quiet">{waiting && about ? "The map is on its way." : "Choose a picture first."}</p>
            )}
            {shown && now && <Distances depth={shown} now={now} />}
            {shown && about && <Save task={task} about={about} depth={shown} />}
          </section>
          <Networks />
          {compared.value.length > 1 && !film && (
            <section class="depth-compared" aria-label="Networks side by side">
              {compared.value.map((name) => (
                <Column key={name} name={name} task={task} />
              ))}
            </section>
          )}
        </div>
      </div>
    </>
  );
}

function order(name: Colormap): number {
  return Object.keys(COLOUR_NAMES).indexOf(name);
}

function fits(answer: { width: number; height: number }, about: { width: number; height: number }): boolean {
  return answer.width === about.width && answer.height === about.height;
}

function NoNetwork() {
  return (
    <Notice>
      {engine.value?.kind === "browser"
        ? "This page has no depth network of its own. Start a server with npx tessera serve."
        : "No depth network is on this machine: npx tessera pull depth-anything-v2-small fetches one."}
    </Notice>
  );
}

function Networks() {
  return (
    <section class="networks" aria-label="Networks">
      <div class="networks-head">
        <h2>Networks</h2>
        <span class="small quiet">up to {MOST_COMPARED} side by side</span>
      </div>
      <div class="cards">
        {networks.value.map((model) => (
          <ModelCard
            key={model.name}
            model={model}
            chosen={compared.value.includes(model.name)}
            toggle={() => toggle(model.name)}
            hint={model.paper}
          />
        ))}
      </div>
    </section>
  );
}

interface ColumnProps {
  readonly name: string;
  readonly task: TaskInfo;
}

function Column({ name, task }: ColumnProps) {
  const model = networks.value.find((each) => each.name === name);
  const depth = useAnswer(() => {
    const [by, about] = [engine.value, picture.value];
    return by && about ? depthOf(by, task, about, name) : undefined;
  });
  const { value, failure, waiting } = depth.value;
  const canvas = usePainted(value?.map, value?.answer.kind ?? "disparity", colormap.value);
  if (!model) return null;
  return (
    <article class={waiting ? "slab column waiting" : "slab column"} data-model={name}>
      <h3 title={name}>{shortTitle(model.title)}</h3>
      <p class="small quiet">{says(model, value?.answer)}</p>
      {failure === undefined ? (
        <button
          type="button"
          class="depth-thumb"
          aria-pressed={looked.value === name}
          aria-label={`Show the map of ${shortTitle(model.title)} large`}
          onClick={() => look(name)}
        >
          <canvas ref={canvas} />
        </button>
      ) : (
        <Notice>{failure}</Notice>
      )}
      <a class="small" href={hrefOf(task.command, "inside", name)}>
        Look inside
      </a>
    </article>
  );
}

function says(model: ModelInfo, answer: { kind: "disparity" | "metric"; milliseconds: number } | undefined) {
  if (!answer) return origin(model);
  return `${answer.kind === "metric" ? "metres" : "relative"} · ${milliseconds(answer.milliseconds)}`;
}
