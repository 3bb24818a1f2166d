/** Opens checkpoints by name or from a file, and finds the task they belong to. */
import { statSync } from "node:fs";
import type { AnyTask, NetworkFit, Opened } from "@tessera-ml/kit";
import { flagOf } from "@tessera-ml/kit/options";
import { Option } from "commander";
import { UsageError } from "./errors.ts";
import { inFile } from "./options.ts";
import { clearStatus, note } from "./output.ts";
import { hubProgress } from "./progress.ts";
import { addFlags, type Optional, readFlags } from "./schema-flags.ts";

/** Options of every command that opens a checkpoint: the network a file belongs to, and where in the file it is. */
export interface CheckpointFlags {
  readonly network?: string | undefined;
  readonly section?: string | undefined;
  readonly stripPrefix?: string | undefined;
}

export function checkpointOptions(command: Optional): void {
  command.addOption(
    new Option("-n, --network <name>", "network of a checkpoint file (default: detected from its keys)"),
  );
  command.addOption(inFile.section());
  command.addOption(inFile.stripPrefix());
}

/** Adds the tasks' own options for opening a checkpoint, or for evaluating one, each once. */
export async function taskOptions(
  command: Optional,
  tasks: readonly AnyTask[],
  kind: "open" | "evaluate",
): Promise<void> {
  const seen = new Set<string>();
  for (const task of tasks) {
    const schema = (await task.schemas())[kind];
    const fresh = Object.entries(schema?.shape ?? {}).filter(([name]) => !seen.has(name));
    addFlags(command, { shape: Object.fromEntries(fresh) });
    for (const [name] of fresh) seen.add(name);
  }
}

/** Reads the options for opening a task's checkpoint. */
export async function readCheckpointFlags(
  task: AnyTask,
  flags: object,
): Promise<CheckpointFlags & Pick<OpenCheckpointFlags, "details">> {
  const { open } = await task.schemas();
  const { network, section, stripPrefix } = flags as CheckpointFlags;
  const details = open ? readFlags(open, flags as Readonly<Record<string, unknown>>) : {};
  return { network, section, stripPrefix, details };
}

export interface OpenCheckpointFlags extends CheckpointFlags {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

type AnyOpened = Opened<never, never, unknown>;

/** Opens checkpoints by name; without a name, the best one on this machine. */
export async function loadCheckpoints(
  task: AnyTask,
  names: readonly string[],
  options: OpenCheckpointFlags,
): Promise<AnyOpened[]> {
  const runtime = await task.load();
  if (names.length === 0) {
    const name = await runtime.defaultCheckpoint();
    const opened = await loadCheckpoint(task, name, options);
    const hint = runtime.defaultHint?.(opened);
    if (hint !== undefined) note(hint);
    return [opened];
  }
  const openeds: AnyOpened[] = [];
  for (const name of names) openeds.push(await loadCheckpoint(task, name, options));
  return openeds;
}

/** Opens one checkpoint, named by itself, its network or its file. */
export async function loadCheckpoint(
  task: AnyTask,
  name: string,
  options: OpenCheckpointFlags = {},
): Promise<AnyOpened> {
  const { open } = await task.load();
  const { network, section, stripPrefix, details = {}, signal } = options;
  const given = fileOption(options);
  if (given !== undefined && !isFile(name))
    throw new UsageError(`${given} needs a checkpoint file; there is no file ${name}`);
  const place = { section, under: stripPrefix };
  const openAs = (into: string | undefined) =>
    open(name, { ...place, progress: hubProgress, signal, network: into, details });
  const opened = await openAs(network).catch(async (error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "which-network") return await openAs(await networkOf(task, name, { section, stripPrefix }));
    if (code !== "no-checkpoint") throw error;
    throw new UsageError(
      `${name} is a network without a checkpoint: \`tessera train\` lists what can be trained here; ` +
        `to open a file, add --network ${name}`,
      { cause: error },
    );
  });
  clearStatus();
  return opened;
}

/** @throws UsageError if options of a checkpoint file are given, but not exactly one --model */
export function checkOneModel(models: readonly string[], options: OpenCheckpointFlags): void {
  const given = fileOption(options);
  if (given !== undefined && models.length !== 1)
    throw new UsageError(`${given} needs exactly one --model, a checkpoint file; got ${models.length}`);
}

/** The first given option that only checkpoint files take, as typed. */
function fileOption({ network, section, stripPrefix, details }: OpenCheckpointFlags): string | undefined {
  const all = { network, section, stripPrefix, ...details };
  const [given] = Object.entries(all).find(([, value]) => value !== undefined) ?? [];
  return given && `--${flagOf(given)}`;
}

/** Whether a name refers to a checkpoint file: it exists, or its extension says so. */
export function isFile(name: string): boolean {
  const endsLikeOne = /\.(safetensors|safetensors\.index\.json|pt|pth|th|bin|ckpt|pt2|npz|npy)$/i.test(name);
  return endsLikeOne || statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * The network that a checkpoint file fits.
 *
 * @throws UsageError if it fits none, or several equally well
 */
async function networkOf(
  task: AnyTask,
  path: string,
  place: Pick<CheckpointFlags, "section" | "stripPrefix">,
): Promise<string> {
  const { openCheckpoint } = await import("@tessera-ml/nn");
  const { exactFits, fitNetworks } = await import("@tessera-ml/kit");
  const { networks } = await task.catalogue();
  const { section, stripPrefix } = place;
  const checkpoint = await openCheckpoint(path, { section, under: stripPrefix });
  const { otherSections } = checkpoint;
  const fits = await Promise.try(fitNetworks, networks, checkpoint).finally(() => checkpoint.close());
  const [best] = fits;
  const exact = exactFits(fits);
  if (exact.length > 1) throw new UsageError(describeTie(path, exact));
  if (best?.exact) {
    const others =
      otherSections.length > 0 ? `; --section selects ${otherSections.join(" or ")} instead` : "";
    note(`${path}: detected ${best.network} from its keys${others}`);
    return best.network;
  }
  const near = best ? `; the closest is ${best.network} (${describeFit(best)})` : "";
  throw new UsageError(
    `${path}: its keys fit no network of ${task.name}${near}. Name the network with --network NAME.`,
  );
}

function describeTie(path: string, fits: readonly NetworkFit[]): string {
  const names = fits.map(({ network }) => network).join(", ");
  return (
    `${path}: its keys fit ${fits.length} networks equally well: ${names}. They have the same parameters and use them ` +
    "differently. Say which it is with --network NAME."
  );
}

function describeFit({ matched, missing }: NetworkFit): string {
  return `${matched} of ${matched + missing} keys`;
}

/**
 * The task of a name: a task's own command or name, a checkpoint or network of it, or a file that fits one of its
 * networks.
 *
 * @throws HubError `unknown-name` with the closest names
 */
export async function taskOf(tasks: readonly AnyTask[], name: string, network?: string): Promise<AnyTask> {
  const own = tasks.find((task) => task.command === name || task.name === name);
  if (own) return own;
  const [only] = tasks;
  if (tasks.length === 1 && only) return only;
  if (network !== undefined) return await taskWithNetwork(tasks, network);
  const { statFile } = await import("@tessera-ml/hub");
  if (isFile(name) || (await statFile(name))) return await taskOfFile(tasks, name);
  const { itemsNamed, listItems } = await import("@tessera-ml/kit/catalogue");
  const [item] = itemsNamed(await listItems(tasks), name);
  return item!.task;
}

async function taskWithNetwork(tasks: readonly AnyTask[], network: string): Promise<AnyTask> {
  let unknown: unknown;
  for (const task of tasks)
    try {
      (await task.catalogue()).networks.find(network);
      return task;
    } catch (error) {
      unknown ??= error;
    }
  throw unknown;
}

async function taskOfFile(tasks: readonly AnyTask[], path: string): Promise<AnyTask> {
  const { existsSync } = await import("node:fs");
  const { dirname, join } = await import("node:path");
  const { readRecord } = await import("@tessera-ml/hub");
  for (const file of [join(path, "record.json"), join(dirname(path), "record.json")])
    if (existsSync(file)) {
      const record = readRecord(file);
      const found = tasks.find((task) => task.name === record.task);
      if (found) return found;
    }
  const { openCheckpoint } = await import("@tessera-ml/nn");
  const { exactFits, fitNetworks, ownersOf } = await import("@tessera-ml/kit");
  const checkpoint = await openCheckpoint(path);
  try {
    const fits: AnyTask[] = [];
    for (const task of ownersOf(tasks))
      if (exactFits(fitNetworks((await task.catalogue()).networks, checkpoint)).length > 0) fits.push(task);
    const [only, another] = fits;
    if (only && !another) return only;
    if (another)
      throw new UsageError(
        `${path}: its keys fit networks of ${fits.map(({ name }) => name).join(" and ")}. ` +
          "Say which it is with --network NAME.",
      );
  } finally {
    await checkpoint.close();
  }
  throw new UsageError(`${path}: its keys fit no network. Name the network with --network NAME.`);
}
