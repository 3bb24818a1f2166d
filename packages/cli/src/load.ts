/** Networks by name, or from a file, ready to classify. */
import { statSync } from "node:fs";
import type { ImageClassifier } from "@tessera-ml/vision";
import { UsageError } from "./errors.ts";
import { clearStatus, note } from "./output.ts";
import { hubProgress } from "./progress.ts";

export interface LoadNetworksOptions {
  /** For a checkpoint file; undefined: found by its keys. */
  readonly network?: string | undefined;
  readonly signal?: AbortSignal;
}

/** The networks called `names`; without a name the best one for photographs on this machine. */
export async function loadNetworks(
  names: readonly string[],
  { network, signal }: LoadNetworksOptions,
): Promise<ImageClassifier[]> {
  const wanted = names.length > 0 ? names : [await chooseDefault()];
  const networks: ImageClassifier[] = [];
  for (const name of wanted) networks.push(await loadNetwork(name, { network, ...(signal && { signal }) }));
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
export async function loadNetwork(
  name: string,
  { network, signal }: LoadNetworksOptions = {},
): Promise<ImageClassifier> {
  const { ImageClassifier } = await import("@tessera-ml/vision");
  if (network !== undefined && !isFile(name))
    throw new UsageError(`--network belongs to a checkpoint file; there is no file ${name}`);
  const load = (into: string | undefined) =>
    ImageClassifier.load(name, {
      progress: hubProgress,
      ...(signal && { signal }),
      ...(into !== undefined && { network: into }),
    });
  const loaded = await load(network).catch(async (error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "which-network") return await load(await networkOf(name));
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

/** Whether a name means a checkpoint file: one that is there, or by its ending one that should be. */
export function isFile(name: string): boolean {
  const endsLikeOne = /\.(safetensors|safetensors\.index\.json|pt|pth|th|bin|npz|npy)$/i.test(name);
  return endsLikeOne || statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}

/** The one network that a checkpoint file fits. */
async function networkOf(path: string): Promise<string> {
  const { openCheckpoint } = await import("@tessera-ml/nn");
  const { guessNetworks } = await import("./guess.ts");
  await using checkpoint = await openCheckpoint(path);
  const [best] = guessNetworks(checkpoint);
  if (best?.exact) {
    note(`${path}: a ${best.network}, by its keys`);
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
