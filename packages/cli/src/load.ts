/** Networks by name, or from a file, ready to classify. */
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { ImageClassifier } from "@tessera-ml/vision";
import { UsageError } from "./errors.ts";
import { clearStatus, note } from "./output.ts";
import { hubProgress } from "./progress.ts";

export interface LoadNetworksOptions {
  /** For a checkpoint file; undefined: found by its keys. */
  readonly network?: string | undefined;
  /** Of a checkpoint file: where in it the network is, and what its outputs are (`--section` and so on). */
  readonly section?: string | undefined;
  readonly stripPrefix?: string | undefined;
  readonly classes?: number | undefined;
  /** A file. */
  readonly labels?: string | undefined;
  readonly signal?: AbortSignal;
}

const OF_A_FILE = ["network", "section", "stripPrefix", "classes", "labels"] as const;

/** The networks called `names`; without a name the best one for photographs on this machine. */
export async function loadNetworks(
  names: readonly string[],
  options: LoadNetworksOptions,
): Promise<ImageClassifier[]> {
  const wanted = names.length > 0 ? names : [await chooseDefault()];
  const networks: ImageClassifier[] = [];
  for (const name of wanted) networks.push(await loadNetwork(name, options));
  const [only] = networks;
  if (names.length === 0 && only && only.labels.length <= 10)
    note(
      `${only.name} knows ${only.labels.length} classes: ${only.labels.join(", ")}.\n` +
        "`tessera pull mobilenet_v2` brings a network that knows 1,000.",
    );
  return networks;
}

async function chooseDefault(): Promise<string> {
  const { defaultModel } = await import("@tessera-ml/vision");
  return await defaultModel();
}

/** One network: a checkpoint's name, a network's, or a checkpoint file. */
export async function loadNetwork(name: string, options: LoadNetworksOptions = {}): Promise<ImageClassifier> {
  const { network, labels, ...others } = options;
  const { ImageClassifier, parseLabels } = await import("@tessera-ml/vision");
  const given = fileOption(options);
  if (given !== undefined && !isFile(name))
    throw new UsageError(`${given} belongs to a checkpoint file; there is no file ${name}`);
  const names = labels === undefined ? undefined : parseLabels(await readFile(labels, "utf8"), labels);
  const load = (into: string | undefined) =>
    ImageClassifier.load(name, {
      progress: hubProgress,
      ...others,
      labels: names,
      ...(into !== undefined && { network: into }),
    });
  const loaded = await load(network).catch(async (error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "which-network") return await load(await networkOf(name, options));
    if (code !== "no-checkpoint") throw error;
    throw new UsageError(
      `${name} is a network without a checkpoint of that name: \`tessera train\` lists what can be trained here, ` +
        `and a file of it is named with --network ${name}`,
      { cause: error },
    );
  });
  clearStatus();
  return loaded;
}

/** @throws UsageError where options of a checkpoint file are given, and not one --model */
export function checkOneModel(models: readonly string[], options: LoadNetworksOptions): void {
  const given = fileOption(options);
  if (given !== undefined && models.length !== 1)
    throw new UsageError(`${given} belongs to one --model, a checkpoint file; got ${models.length}`);
}

/** The first of the options that only a checkpoint file has, as it is typed. */
function fileOption(options: LoadNetworksOptions): string | undefined {
  const given = OF_A_FILE.find((key) => options[key] !== undefined);
  return given && `--${given === "stripPrefix" ? "strip-prefix" : given}`;
}

/** Whether a name means a checkpoint file: one that is there, or by its ending one that should be. */
export function isFile(name: string): boolean {
  const endsLikeOne = /\.(safetensors|safetensors\.index\.json|pt|pth|th|bin|ckpt|pt2|npz|npy)$/i.test(name);
  return endsLikeOne || statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}

/** The one network that a checkpoint file fits. */
async function networkOf(path: string, { section, stripPrefix }: LoadNetworksOptions): Promise<string> {
  const { openCheckpoint } = await import("@tessera-ml/nn");
  const { fitNetworks } = await import("@tessera-ml/vision");
  const checkpoint = await openCheckpoint(path, { section, under: stripPrefix });
  const { otherSections } = checkpoint;
  const [best] = await Promise.try(fitNetworks, checkpoint).finally(() => checkpoint.close());
  if (best?.exact) {
    const others =
      otherSections.length > 0 ? `; --section chooses ${otherSections.join(" or ")} instead` : "";
    note(`${path}: a ${best.network}, by its keys${others}`);
    return best.network;
  }
  const near = best ? `; the likest is ${best.network} (${describeFit(best)})` : "";
  throw new UsageError(
    `${path}: fits no network of the registry by its keys${near}. --network NAME says which it is.`,
  );
}

function describeFit({ matched, missing }: { matched: number; missing: number }): string {
  return `${matched} of ${matched + missing} keys`;
}
