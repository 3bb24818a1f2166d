/** A checkpoint's entry in the list of checkpoints, for the server and for a page without one. */
import type { CheckpointRecord } from "@tessera-ml/hub";
import type { AnyTask, Network } from "@tessera-ml/kit";
import type { Cost, ModelInfo } from "../api/index.ts";

/** Where a checkpoint's files are, and their size in bytes if known. */
export interface Where {
  readonly place: ModelInfo["place"];
  readonly size?: number | undefined;
}

/** @param cost without `macs` if they are not counted yet */
export function infoOf(
  task: AnyTask,
  network: Network,
  record: CheckpointRecord,
  { params, macs }: Cost,
  { place, size }: Where,
): ModelInfo {
  const { name, note, evaluation } = record;
  return {
    name,
    task: task.name,
    network: network.name,
    title: network.name,
    family: network.family,
    year: network.year,
    paper: network.paper,
    params,
    ...(macs !== undefined && { macs }),
    ...(evaluation && { evaluation }),
    place,
    ...(size !== undefined && { sizeBytes: size }),
    ...(note !== undefined && { note }),
    ...task.info?.(network, record),
  };
}
