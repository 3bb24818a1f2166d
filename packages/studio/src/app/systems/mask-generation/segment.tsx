/** Objects of a picture by clicks and boxes, or everything in it. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { ModelInfo, TaskInfo } from "../../../api/index.ts";
import { milliseconds } from "../../format.ts";
import { picture } from "../../media/present.ts";
import { Stage } from "../../media/stage.tsx";
import { useAnswer } from "../../parts/answer.ts";
import { BinIcon, UndoIcon } from "../../parts/icons.tsx";
import { ModelCard } from "../../parts/model-card.tsx";
import { Notice } from "../../parts/notice.tsx";
import { Segments } from "../../parts/segments.tsx";
import { engine } from "../../state.ts";
import { SCENES } from "../depth-estimation/samples.ts";
import { Clicks, type Pointing } from "./clicks.tsx";
import { Everything } from "./everything.tsx";
import { Guesses } from "./guesses.tsx";
import { Objects } from "./objects.tsx";
import { colorOf, type Layer } from "./paint.ts";
import { Save } from "./save.tsx";
import {
  askAbout,
  canUndo,
  clear,
  current,
  isSaid,
  network,
  networks,
  type Place,
  pick,
  shownThings,
  type Thing,
  takenMask,
  undo,
} from "./state.ts";

const INVITATION = { title: "Drop a photograph", hint: "paste one, choose a file, or take one" };
/** How long the pointer rests before it is asked what it points at. */
const REST = 150;
const SOLID = 110;
const FAINT = 70;
const NOTHING: readonly Layer[] = [];

export function SegmentView({ task }: { readonly task: TaskInfo }) {
  const pointing = useSignal<Pointing>("on");
  const everything = useSignal<readonly Layer[] | undefined>(undefined);
  const answered = useAnswer((signal) => {
    const [by, about, name, all] = [engine.value, picture.value, network.value, shownThings.value];
    if (!by || !about || name === undefined || all.length === 0) return undefined;
    return askAbout(by, task, about, name, all, { signal });
  });
  const preview = usePreview(task);
  const { value, failure, waiting } = answered.value;
  const found = value?.found ?? [];
  const layers = useMemo<readonly Layer[]>(() => {
    if (everything.value) return everything.value;
    const masks = shownThings.value.flatMap((thing): Layer[] => {
      const mask = takenMask(thing, found);
      return mask ? [{ mask, color: colorOf(thing.id), alpha: SOLID }] : [];
    });
    const hovered = preview.layer.value;
    return hovered ? [...masks, hovered] : masks.length > 0 ? masks : NOTHING;
  }, [found, shownThings.value, preview.layer.value, everything.value]);
  // A click takes the place of masks of everything.
  useSignalEffect(() => {
    if (shownThings.value.length > 0) everything.value = undefined;
  });
  const keys = (event: KeyboardEvent) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "z" || event.target instanceof HTMLInputElement)
      return;
    event.preventDefault();
    undo();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut of the button "Undo"
    <div class="segment" onKeyDown={keys}>
      <h1 class="hidden">{task.title}</h1>
      <Stage accepts={task.accepts} samples={SCENES} invitation={INVITATION}>
        <Clicks layers={layers} waiting={waiting} pointing={pointing.value} hover={preview.hover} />
      </Stage>
      <div class="segment-right">
        {failure !== undefined && <Notice>{failure}</Notice>}
        {networks.value.length === 0 && <NoNetwork />}
        <section class="slab segment-tools" aria-label="Objects" aria-busy={waiting}>
          <div class="segment-head">
            <Segments<Pointing>
              label="What a click says"
              value={pointing.value}
              choose={(value) => (pointing.value = value)}
              choices={[
                { value: "on", title: "On it", hint: "A click is on the object; with Shift, beside it" },
                { value: "beside", title: "Beside it", hint: "A click is not on the object" },
                { value: "box", title: "Box", hint: "Drag a box around the object" },
              ]}
            />
            <button type="button" class="button" disabled={!canUndo.value} onClick={undo}>
              <UndoIcon /> Undo
            </button>
            <button
              type="button"
              class="button"
              disabled={shownThings.value.length === 0 && !everything.value}
              onClick={() => {
                everything.value = undefined;
                clear();
              }}
            >
              <BinIcon /> Clear
            </button>
            <span class="small quiet" role="status">
              {waiting && picture.value && shownThings.value.length > 0
                ? "Segmenting …"
                : timeOf(value?.answer)}
            </span>
          </div>
          {shownThings.value.length === 0 && !everything.value && (
            <p class="quiet">
              {picture.value
                ? "Click on a thing, or drag a box around it. Further clicks correct the mask: with Shift they say what does not belong to it."
                : "Choose a picture first."}
            </p>
          )}
          <Objects found={found} />
          {isSaid(current.value) && <Guesses found={found} />}
          {value && shownThings.value.length > 0 && picture.value && (
            <Save about={picture.value} answer={value.answer} found={found} />
          )}
        </section>
        <Everything
          task={task}
          show={(masks) => (everything.value = masks)}
          shown={everything.value?.length}
        />
        <Networks />
      </div>
    </div>
  );
}

function timeOf(answer: { milliseconds: { encoder: number; prompts: number } } | undefined): string {
  if (!answer) return "";
  const { encoder, prompts } = answer.milliseconds;
  return encoder > 0
    ? `picture ${milliseconds(encoder)}, masks ${milliseconds(prompts)}`
    : `masks ${milliseconds(prompts)}`;
}

/** What is under the pointer while the current object has no clicks yet. */
function usePreview(task: TaskInfo) {
  const pointer = useSignal<Place | undefined>(undefined);
  const rest = useSignal<Place | undefined>(undefined);
  useSignalEffect(() => {
    const at = pointer.value;
    if (!at) {
      rest.value = undefined;
      return undefined;
    }
    const timer = setTimeout(() => (rest.value = at), REST);
    return () => clearTimeout(timer);
  });
  const layer = useSignal<Layer | undefined>(undefined);
  const answered = useAnswer((signal) => {
    const [by, about, name, at, thing] = [
      engine.value,
      picture.value,
      network.value,
      rest.value,
      current.value,
    ];
    if (!by || !about || name === undefined || !at || isSaid(thing)) return undefined;
    const asked: Thing = { ...thing, clicks: [{ ...at, on: true }] };
    return askAbout(by, task, about, name, [asked], { signal });
  });
  useSignalEffect(() => {
    const { value } = answered.value;
    const mask = rest.value && !isSaid(current.value) ? value?.found[0]?.guesses[0]?.mask : undefined;
    layer.value = mask && { mask, color: colorOf(current.value.id), alpha: FAINT };
  });
  return { layer, hover: (at: Place | undefined) => (pointer.value = at) };
}

function NoNetwork() {
  return (
    <Notice>
      {engine.value?.kind === "browser"
        ? "This page has no segmentation network of its own. Start a server with npx tessera serve."
        : "No segmentation network is on this machine: npx tessera pull sam2.1_tiny fetches one."}
    </Notice>
  );
}

function Networks() {
  return (
    <section class="networks" aria-label="Networks">
      <div class="networks-head">
        <h2>Networks</h2>
      </div>
      <div class="cards">
        {networks.value.map((model: ModelInfo) => (
          <ModelCard
            key={model.name}
            model={model}
            chosen={network.value === model.name}
            toggle={() => pick(model.name)}
            hint={model.paper}
          />
        ))}
      </div>
    </section>
  );
}
