/** Checkpoints on Node: by name through the hub, or a file with its network. */
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { HubError, HubErrorCode } from "@tessera-ml/hub";
import { IMAGENET_MEAN, IMAGENET_STD, torchvisionPreset } from "@tessera-ml/media";
import { type Checkpoint, openCheckpoint } from "@tessera-ml/nn";
import { VisionError } from "../../error.ts";
import { countClasses } from "../../load.ts";
import { type ClassifierRecord, TASK } from "../../records/record.ts";
import { findModel, type ModelEntry } from "../../registry.ts";
import type { TFLiteGraph } from "../../tflite.ts";
import type { LoadOptions, OpenedCheckpoint } from "../types.ts";

/** The hub, where it is needed: a checkpoint file with its network is opened without it, and sooner. */
const hub = () => import("@tessera-ml/hub");
const registry = () => import("../../records/registry.ts");

async function hubError(code: HubErrorCode, message: string, options?: ErrorOptions): Promise<HubError> {
  const { HubError } = await hub();
  return new HubError(code, message, options);
}

/**
 * @param name a record's, a network's, or a path: to a folder with a `record.json`, to a file with one
 *   beside it, or to any file of `network`
 */
export async function openModel(name: string, options: LoadOptions): Promise<OpenedCheckpoint> {
  const path = await pathOf(name, options);
  if (path !== undefined) return await openPath(path, options);
  const record = await recordCalled(name);
  const { pullCheckpoint } = await hub();
  return await open(record, (await pullCheckpoint(record, options)).path, options);
}

async function recordCalled(name: string): Promise<ClassifierRecord> {
  const [{ HubError }, { findRecord }] = await Promise.all([hub(), registry()]);
  try {
    return findRecord(name);
  } catch (error) {
    throw error instanceof HubError && error.code === "unknown-name" ? withoutCheckpoint(name, error) : error;
  }
}

/** The best checkpoint on this machine for photographs: of ImageNet's classes where there is one, else of CIFAR-10's. */
export async function defaultModel(): Promise<string> {
  const [{ locateCheckpoint }, { classifierRecords }] = await Promise.all([hub(), registry()]);
  const records = classifierRecords();
  for (const kind of ["imagenet-1k", "imagenet-1k+background", "cifar10"]) {
    const wanted = records.filter(({ classes }) => classes.labels === kind);
    // Those nobody measured come last.
    for (const record of wanted.toSorted((a, b) => top1Of(b) - top1Of(a)))
      if (await locateCheckpoint(record)) return record.name;
  }
  throw await hubError(
    "absent",
    "no checkpoint for photographs is on this machine: `tessera pull resnet50` brings one",
  );
}

function top1Of({ evaluation }: ClassifierRecord): number {
  return evaluation?.metrics.top1 ?? 0;
}

async function pathOf(name: string, { network }: LoadOptions): Promise<string | undefined> {
  const found = await stat(name).catch(() => undefined);
  // A folder that is called like a network is not meant by that word alone.
  if (found && (found.isFile() || network !== undefined || /[\\/]/.test(name))) return name;
  // `timm/resnet50` is a name too.
  if (network === undefined && !/^[./~]|\\|\.(safetensors|pth?|th|bin|npz|ckpt|pt2)$/.test(name))
    return undefined;
  throw await hubError("absent", `${name}: no such file`);
}

async function openPath(path: string, options: LoadOptions): Promise<OpenedCheckpoint> {
  const { network } = options;
  const folder = (await stat(path)).isDirectory() ? path : dirname(path);
  const recordFile = join(folder, "record.json");
  if (network === undefined && existsSync(recordFile)) {
    const record = (await registry()).readClassifierRecord(recordFile);
    const [{ file }] = record.files;
    if (folder === path || file === basename(path)) return await open(record, join(folder, file), options);
  }
  if (folder === path)
    throw await hubError("absent", `${path}: expected a record.json in the folder, and its checkpoint`);
  if (network === undefined)
    throw new VisionError(
      "which-network",
      `${path}: a checkpoint without a record; say which network it is of ({ network: "resnet50" })`,
    );
  const { entry } = findModel(network);
  const opened = await open(await bareRecord(entry, path), path, options);
  const { record, checkpoint } = opened;
  const count = options.classes ?? countClasses(network, checkpoint);
  if (count === entry.classes) return opened;
  return {
    checkpoint,
    record: { ...record, classes: { ...record.classes, count } },
    labels: Array.from({ length: count }, (_, index) => String(index)),
  };
}

async function open(given: ClassifierRecord, path: string, options: LoadOptions): Promise<OpenedCheckpoint> {
  const { section, stripPrefix, classes } = options;
  const checkpoint: Checkpoint = await openCheckpoint(path, { section, under: stripPrefix });
  const record = classes === undefined ? given : { ...given, classes: { ...given.classes, count: classes } };
  if (record.source !== "tensorflow") return { record, checkpoint };
  const graphFile = path.replace(/\.safetensors$/, ".graph.json");
  try {
    return { record, checkpoint, graph: JSON.parse(await readFile(graphFile, "utf8")) as TFLiteGraph };
  } catch (error) {
    await checkpoint.close();
    throw await hubError("absent", `${graphFile}: the graph beside the checkpoint cannot be read`, {
      cause: error,
    });
  }
}

/**
 * What can be said of a file from its network alone: the usual preprocessing, of a small network that of its
 * checkpoint with a name, and classes by their number.
 */
async function bareRecord(entry: ModelEntry, path: string): Promise<ClassifierRecord> {
  const { channels, inputSize, classes: count } = entry;
  const isSmall = inputSize <= 64;
  const like =
    isSmall && (await registry()).classifierRecords().find(({ network }) => network === entry.name);
  const labels =
    count === 1000
      ? "imagenet-1k"
      : count === 1001
        ? "imagenet-1k+background"
        : channels === 1
          ? "digits"
          : "cifar10";
  const small = { library: "pil", interpolation: "bilinear", resize: [inputSize, inputSize] } as const;
  const preprocessing = like
    ? like.preprocessing
    : !isSmall
      ? torchvisionPreset(inputSize, Math.round((inputSize * 256) / 224))
      : channels === 1
        ? { ...small, mean: [0.5], std: [0.5] }
        : { ...small, mean: IMAGENET_MEAN, std: IMAGENET_STD };
  return {
    name: basename(path),
    task: TASK,
    network: entry.name,
    source: "tessera",
    files: [{ file: basename(path) }],
    licence: "unknown",
    preprocessing,
    classes: { count, labels },
    reference: entry.paper,
  };
}

/** A network that we have and nobody's checkpoint of which has a name is another matter than an unknown name. */
function withoutCheckpoint(name: string, error: HubError): Error {
  try {
    findModel(name);
  } catch {
    return error;
  }
  const message = `${name} is a network without a checkpoint of that name: give the path of one, and { network: "${name}" }`;
  return new VisionError("no-checkpoint", message, { cause: error });
}
