import { readRecordAs, shippedRecordsOf, unknownName } from "@tessera-ml/hub";
import { cifarRecords, huggingFaceRecords, tensorflowRecords } from "./others.ts";
import { type ClassifierRecord, classifierSchema, TASK } from "./record.ts";
import { timmRecords } from "./timm.ts";
import { torchvisionRecords } from "./torchvision.ts";

const published: readonly ClassifierRecord[] = [
  ...torchvisionRecords,
  ...timmRecords,
  ...huggingFaceRecords,
  ...cifarRecords,
  ...tensorflowRecords,
];

/** The classifiers among the checkpoints that ship with Tessera. */
export function shippedClassifiers(): ClassifierRecord[] {
  return shippedRecordsOf(TASK, classifierSchema);
}

/** Reads the `record.json` of a classifier. Throws HubError `bad-data` naming the file and the field. */
export function readClassifierRecord(path: string): ClassifierRecord {
  return readRecordAs(classifierSchema, path);
}

/** Every named checkpoint of a classifier: those that ship with Tessera, then the published ones. */
export function classifierRecords(): ClassifierRecord[] {
  return [...shippedClassifiers(), ...published];
}

/**
 * The checkpoint called `name`: its full name (`resnet50.tv_in1k_v2`), a network (`resnet50`: the first that has it,
 * torchvision's newest before timm's), either after a source (`timm/resnet50`), or a page of Hugging Face
 * (`google/vit-base-patch16-224`). Capitals do not matter.
 *
 * @throws HubError `unknown-name`, with the names most like it
 */
export function findRecord(name: string): ClassifierRecord {
  const records = classifierRecords();
  const wanted = name.trim().toLowerCase();
  const [source, rest] = wanted.includes("/") ? wanted.split("/", 2) : [undefined, wanted];
  const within = source === undefined ? records : records.filter((record) => record.source === source);
  const found =
    within.find((record) => record.name === rest) ??
    within.find((record) => record.network === rest) ??
    records.find((record) => record.files[0].url?.startsWith(`https://huggingface.co/${wanted}/`));
  if (found) return found;
  // Who writes no tag wants a network.
  const names = new Set(records.map((record) => (wanted.includes(".") ? record.name : record.network)));
  throw unknownName("model", name, [...names], "tessera models");
}
