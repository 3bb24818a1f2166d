/** Networks that are loaded, in the server's worker or the page's: the few that were used last. */
import { ImageClassifier } from "@tessera-ml/vision";

const PLACES = 6;

/** The last used stands at the end. */
const shelf = new Map<string, Promise<ImageClassifier>>();
/** Those that were trained here, and cannot be loaded again. */
const kept = new Map<string, ImageClassifier>();

/** Has a classifier found under its name from now on. */
export function keepClassifier(classifier: ImageClassifier): void {
  kept.set(classifier.name, classifier);
}

/**
 * The classifier called `name`, loaded at most once; the one that was not used for longest makes room.
 *
 * @param base where a page fetches it from
 */
export async function openClassifier(
  name: string,
  signal: AbortSignal,
  base?: string,
): Promise<ImageClassifier> {
  const own = kept.get(name);
  if (own) return own;
  const found =
    shelf.get(name) ?? ImageClassifier.load(name, { signal, ...(base !== undefined && { base }) });
  shelf.delete(name);
  shelf.set(name, found);
  try {
    const classifier = await found;
    await makeRoom();
    return classifier;
  } catch (error) {
    // Not remembered: the file may come, and an abort is no property of the network.
    if (shelf.get(name) === found) shelf.delete(name);
    throw error;
  }
}

async function makeRoom(): Promise<void> {
  for (const [name, loading] of [...shelf].slice(0, Math.max(0, shelf.size - PLACES))) {
    shelf.delete(name);
    // One that could not be loaded has told whoever asked for it.
    await loading.then((classifier) => classifier.release()).catch(() => {});
  }
}
