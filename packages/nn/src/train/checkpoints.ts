/** The checkpoints of a run: everything needed to resume training exactly, in one file. Node only. */
import { fromArray, type Tensor, type Variable } from "@tessera-ml/tensor";
import { createCheckpoint } from "../files/checkpoint.ts";
import { type Checkpoint, CheckpointError, openCheckpoint, writeSafetensors } from "../files/index.ts";
import { nodeFs } from "../files/sources/node-fs.ts";
import { snapshot } from "../state.ts";

/** The tensors of a run, grouped by part: `model`, `optimizer`, … */
export type Parts = Readonly<Record<string, ReadonlyMap<string, Tensor>>>;

const NAME = /^step-(\d+)\.safetensors$/;
/** The metadata key for everything that is not a tensor, as JSON. */
const STATE = "training";

/** Writes a checkpoint, then deletes all but the newest `keep`. */
export async function writeRun(
  folder: string,
  step: number,
  parts: Parts,
  state: object,
  keep: number,
): Promise<string> {
  const fs = nodeFs(folder);
  await makeFolder(folder);
  const path = `${folder}/step-${String(step).padStart(8, "0")}.safetensors`;
  const tensors = Object.entries(parts).flatMap(([part, map]) => snapshot(map, `${part}.`));
  await writeSafetensors(path, tensors, { metadata: { [STATE]: JSON.stringify(state) } });
  const older = (await stepsIn(folder)).slice(keep);
  for (const name of older) await fs.rm(`${folder}/${name}`, { force: true });
  return path;
}

export async function makeFolder(folder: string): Promise<void> {
  await nodeFs(folder).mkdir(folder, { recursive: true });
}

/** Checkpoints in a folder, newest first. Files left incomplete by a killed process have other names. */
async function stepsIn(folder: string): Promise<string[]> {
  const names = await nodeFs(folder)
    .readdir(folder)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
  const step = (name: string) => Number(NAME.exec(name)?.[1]);
  return names.filter((name) => NAME.test(name)).sort((a, b) => step(b) - step(a));
}

/** Opens the newest checkpoint of a folder. Deletes the temporary files of killed processes. */
export async function newestRun(
  folder: string,
): Promise<{ checkpoint: Checkpoint; state: unknown } | undefined> {
  const [newest] = await stepsIn(folder);
  if (newest === undefined) return undefined;
  for (const name of await nodeFs(folder).readdir(folder))
    if (/\.safetensors\.\d+-[0-9a-f]+\.tmp$/.test(name))
      await nodeFs(folder).rm(`${folder}/${name}`, { force: true });
  const checkpoint = await openCheckpoint(`${folder}/${newest}`);
  const state = checkpoint.metadata.get(STATE);
  if (state === undefined)
    throw new CheckpointError(`${checkpoint.name}: not a checkpoint of a training run`);
  return { checkpoint, state: JSON.parse(state) as unknown };
}

/** One part of a checkpoint, without the prefix of its names; `undefined` if absent. */
export function partOf(checkpoint: Checkpoint, part: string): Checkpoint | undefined {
  const prefix = `${part}.`;
  const names = checkpoint.names().filter((name) => name.startsWith(prefix));
  if (names.length === 0) return undefined;
  const tensors = names.map((name) => {
    const own = name.slice(prefix.length);
    return [own, checkpoint.get(name).rename(own)] as const;
  });
  return createCheckpoint({ ...checkpoint, name: `${checkpoint.name} (${part})`, tensors: new Map(tensors) });
}

/** Restores the value of a variable from a checkpoint. */
export async function restore(variable: Variable, checkpoint: Checkpoint, name: string): Promise<void> {
  const stored = checkpoint.get(name);
  variable.assign(fromArray(await stored.read(), stored.shape));
}
