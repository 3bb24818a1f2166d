import { unknownName } from "../names.ts";
import { cifarRecords, huggingFaceRecords, tensorflowRecords } from "./others.ts";
import type { CheckpointRecord } from "./record.ts";
import { shippedRecords } from "./shipped.ts";
import { timmRecords } from "./timm.ts";
import { torchvisionRecords } from "./torchvision.ts";

const published: readonly CheckpointRecord[] = [
  ...torchvisionRecords,
  ...timmRecords,
  ...huggingFaceRecords,
  ...cifarRecords,
  ...tensorflowRecords,
];

/** Every checkpoint that has a name: those that come with Tessera, then the published ones. */
export function modelRecords(): CheckpointRecord[] {
  return [...shippedRecords(), ...published];
}

/**
 * The checkpoint called `name`: its full name (`resnet50.tv_in1k_v2`), a network (`resnet50`: the first that has it,
 * torchvision's newest before timm's), either after a source (`timm/resnet50`), or a page of Hugging Face
 * (`google/vit-base-patch16-224`). Capitals do not matter.
 * Throws `unknown-name` with the names most like it.
 */
export function findModel(name: string): CheckpointRecord {
  const records = modelRecords();
  const wanted = name.trim().toLowerCase();
  const [source, rest] = wanted.includes("/") ? wanted.split("/", 2) : [undefined, wanted];
  const within = source === undefined ? records : records.filter((record) => record.source === source);
  const found =
    within.find((record) => record.name === rest) ??
    within.find((record) => record.preset === rest) ??
    records.find((record) => record.url?.startsWith(`https://huggingface.co/${wanted}/`));
  if (found) return found;
  // Who writes no tag wants a network.
  const names = new Set(records.map((record) => (wanted.includes(".") ? record.name : record.preset)));
  throw unknownName("model", name, [...names], "tessera models");
}
