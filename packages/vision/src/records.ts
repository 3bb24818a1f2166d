/** From the record of a checkpoint to its network, and what there is to say of both. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import { profile } from "@tessera-ml/nn/inspect";
import { type Accuracy, accuracyOf, type ClassifierRecord } from "./records/record.ts";
import { type FoundModel, findModel } from "./registry.ts";

/** Sources that have names of their own for networks; the others call them as we do. */
const NAMING: ReadonlySet<CheckpointRecord["source"]> = new Set(["torchvision", "timm"]);

/** A record's network, and its name in the registry. */
export interface FoundNetwork extends FoundModel {
  readonly name: string;
}

/** @throws HubError `unknown-name`, with the names most like the record's */
export function findNetwork({ source, network }: Pick<CheckpointRecord, "source" | "network">): FoundNetwork {
  const found = findModel(NAMING.has(source) ? `${source}/${network}` : network);
  return { ...found, name: found.entry.name };
}

/** What a list says of a checkpoint. Where its file lies, the hub's `locateCheckpoint` tells. */
export interface ModelInfo {
  readonly name: string;
  /** In the registry. */
  readonly network: string;
  readonly family: string;
  readonly year: number;
  readonly paper: string;
  readonly params: number;
  /** Multiplications with additions for one picture. */
  readonly macs: number;
  /** [1, C, H, W] */
  readonly inputShape: readonly [number, number, number, number];
  readonly classes: ClassifierRecord["classes"];
  readonly accuracy?: Accuracy | undefined;
  readonly licence: string;
  readonly note?: string | undefined;
}

const costs = new Map<string, Pick<ModelInfo, "params" | "macs">>();

/** The network is built, once, and nothing computed: some ten milliseconds the first time. */
export function modelInfo(record: ClassifierRecord): ModelInfo {
  const { name, classes, licence, note } = record;
  const { entry, create } = findNetwork(record);
  const inputShape = inputShapeOf(record);
  const key = JSON.stringify([record.source, record.network, classes.count, inputShape]);
  let cost = costs.get(key);
  if (!cost) {
    const layers = profile(create({ classes: classes.count }), inputShape);
    const sum = (what: "params" | "macs") => layers.reduce((total, layer) => total + layer[what], 0);
    cost = { params: sum("params"), macs: sum("macs") };
    costs.set(key, cost);
  }
  const { family, year, paper } = entry;
  return {
    name,
    network: entry.name,
    family,
    year,
    paper,
    ...cost,
    inputShape,
    classes,
    accuracy: accuracyOf(record),
    licence,
    note,
  };
}

/** What the network of a record reads, [1, C, H, W]. */
export function inputShapeOf(record: ClassifierRecord): [number, number, number, number] {
  const { inputSize } = findNetwork(record).entry;
  const { crop, resize, mean } = record.preprocessing;
  const [height, width] = crop ?? (typeof resize === "object" ? resize : [inputSize, inputSize]);
  return [1, mean.length, height, width];
}
