/** Input shape and compute cost of a record's network. */
import { inputOf } from "./describe-record.ts";
import { profile } from "./inspect/index.ts";
import { networks } from "./networks/index.ts";
import type { ClassifierRecord } from "./records/record.ts";

/** Input shape of the record's network: [1, C, H, W]. */
export function inputShapeOf(record: ClassifierRecord): [number, number, number, number] {
  return [1, ...inputOf(networks.ofRecord(record).network, record)];
}

export interface Cost {
  readonly params: number;
  /** Multiply-accumulates for one image. */
  readonly macs: number;
}

const costs = new Map<string, Cost>();

/** Builds the network once without running it; the first call takes some ten milliseconds. */
export function costOf(record: ClassifierRecord): Cost {
  const inputShape = inputShapeOf(record);
  const key = JSON.stringify([record.source, record.network, record.classes.count, inputShape]);
  const known = costs.get(key);
  if (known) return known;
  const { create } = networks.ofRecord(record);
  const layers = profile(create({ classes: record.classes.count }), inputShape);
  const sum = (what: keyof Cost) => layers.reduce((total, layer) => total + layer[what], 0);
  const cost = { params: sum("params"), macs: sum("macs") };
  costs.set(key, cost);
  return cost;
}
