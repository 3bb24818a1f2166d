/** Masks and cut-outs as files. */
import { useSignal } from "@preact/signals";
import { encodeImage, Image } from "@tessera-ml/media";
import { cocoFile, cutOut, type Mask, type ObjectJson, palette, together } from "@tessera-ml/segment/outputs";
import type { SegmentAnswer } from "@tessera-ml/segment/schemas";
import { messageOf } from "../../engine/message.ts";
import { canvas2d, type Picture } from "../../media/picture.ts";
import { download } from "../../parts/download.ts";
import { Notice } from "../../parts/notice.tsx";
import { type Found, shownThings, takenMask } from "./state.ts";

interface SaveProps {
  readonly about: Picture;
  readonly answer: SegmentAnswer;
  readonly found: readonly Found[];
}

export function Save({ about, answer, found }: SaveProps) {
  const failure = useSignal<string | undefined>(undefined);
  const masks = shownThings.value.flatMap((thing): Mask[] => {
    const mask = takenMask(thing, found);
    return mask ? [mask] : [];
  });
  const name = about.name.replace(/\.[^.]+$/, "");
  const save = async (ending: string, make: () => Promise<Uint8Array>) => {
    failure.value = undefined;
    try {
      download(new Blob([new Uint8Array(await make())]), `${name}-${ending}`);
    } catch (error) {
      failure.value = messageOf(error);
    }
  };
  const cut = async () => encodeImage(cutOut(await pixelsOf(about), masks, true), "png");
  const maskPicture = () =>
    encodeImage(masks.length > 1 ? palette(about, masks) : together(about, masks), "png");
  const json = async () => {
    // In the order of the objects, with the names and the guesses that the user chose.
    const objects = shownThings.value.flatMap((thing): ObjectJson[] => {
      const given = answer.objects.find((object) => object.name === String(thing.id));
      const chosen = given?.masks[thing.guess] ?? given?.masks[0];
      return chosen ? [{ name: thing.name, masks: [chosen] }] : [];
    });
    return new TextEncoder().encode(JSON.stringify(cocoFile(answer, objects, about.name), undefined, 2));
  };
  return (
    <section class="save" aria-label="Save">
      <span class="small quiet">Save</span>
      <button type="button" class="button" onClick={() => void save("cutout.png", cut)}>
        Cut-out
      </button>
      <button type="button" class="button" onClick={() => void save("mask.png", maskPicture)}>
        {masks.length > 1 ? "Masks" : "Mask"}
      </button>
      <button
        type="button"
        class="button"
        title="Run lengths as COCO has them"
        onClick={() => void save("masks.json", json)}
      >
        JSON
      </button>
      {failure.value !== undefined && <Notice>{failure.value}</Notice>}
    </section>
  );
}

/** The picture's pixels, upright. */
async function pixelsOf({ url, width, height }: Picture): Promise<Image> {
  const element = document.createElement("img");
  element.src = url;
  await element.decode();
  const context = canvas2d(width, height);
  context.drawImage(element, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const image = new Image(width, height, 3);
  for (let i = 0, j = 0; i < data.length; i += 4, j += 3) image.data.set(data.subarray(i, i + 3), j);
  return image;
}
