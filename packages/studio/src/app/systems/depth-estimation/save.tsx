/** Files that other tools open. */
import { useSignal } from "@preact/signals";
import { type DepthResult, deepPng, encodeGlb, encodePfm, encodePly, mapOf } from "@tessera-ml/depth/outputs";
import type { TaskInfo } from "../../../api/index.ts";
import { messageOf } from "../../engine/message.ts";
import type { Picture } from "../../media/picture.ts";
import { download } from "../../parts/download.ts";
import { Notice } from "../../parts/notice.tsx";
import { engine } from "../../state.ts";
import { askDepth, type Depth, measured, SAVED_SIDE, taps } from "./state.ts";

interface Format {
  readonly ending: string;
  readonly title: string;
  readonly hint: string;
  readonly encode: (result: DepthResult) => Promise<Uint8Array> | Uint8Array;
}

const FORMATS: readonly Format[] = [
  {
    ending: "png",
    title: "PNG, 16 bits",
    hint: "Relative: from 0 to 65535. Metres: in millimetres",
    encode: deepPng,
  },
  { ending: "pfm", title: "PFM", hint: "The values as floats", encode: (result) => encodePfm(mapOf(result)) },
  { ending: "ply", title: "PLY", hint: "A coloured point per pixel", encode: encodePly },
  { ending: "glb", title: "GLB", hint: "The surface with the picture on it", encode: encodeGlb },
];

interface SaveProps {
  readonly task: TaskInfo;
  readonly about: Picture;
  readonly depth: Depth;
}

export function Save({ task, about, depth }: SaveProps) {
  const failure = useSignal<string | undefined>(undefined);
  const busy = useSignal<string | undefined>(undefined);
  const save = async ({ ending, encode }: Format) => {
    busy.value = ending;
    failure.value = undefined;
    try {
      const { result } = measured(await whole(task, about, depth), taps.peek());
      const bytes = await encode(result);
      download(new Blob([new Uint8Array(bytes)]), `${about.name.replace(/\.[^.]+$/, "")}-depth.${ending}`);
    } catch (error) {
      failure.value = messageOf(error);
    } finally {
      busy.value = undefined;
    }
  };
  return (
    <section class="save" aria-label="Save">
      <span class="small quiet">Save as</span>
      {FORMATS.map((format) => (
        <button
          key={format.ending}
          type="button"
          class="button"
          title={format.hint}
          disabled={busy.value !== undefined}
          aria-busy={busy.value === format.ending}
          onClick={() => void save(format)}
        >
          {format.title}
        </button>
      ))}
      {failure.value !== undefined && <Notice>{failure.value}</Notice>}
    </section>
  );
}

/** The map at the size of the picture, or as large as an answer can be. */
async function whole(task: TaskInfo, about: Picture, depth: Depth): Promise<Depth> {
  const longest = Math.min(SAVED_SIDE, Math.max(about.width, about.height));
  const by = engine.peek();
  if (!by || Math.max(depth.map.width, depth.map.height) >= longest) return depth;
  return await askDepth(by, task, about, depth.answer.model, { side: longest, tiles: depth.tiles });
}
