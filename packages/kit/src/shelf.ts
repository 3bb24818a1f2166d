/** A cache of open checkpoints: the most recently used ones. */
import type { OpenOptions } from "./open/types.ts";
import type { AnyTask, Opened } from "./task.ts";

const PLACES = 6;

type AnyOpened = Opened<never, never, unknown>;

export class Shelf {
  /** Most recently used last. */
  readonly #open = new Map<string, Promise<AnyOpened>>();
  /** Never evicted: they were trained here and cannot be reopened. */
  readonly #kept = new Map<string, AnyOpened>();

  /** Serves a checkpoint under its name from now on. */
  keep(task: AnyTask, opened: AnyOpened): void {
    this.#kept.set(`${task.name}\n${opened.record.name}`, opened);
  }

  /** The checkpoint, opened at most once; evicts the least recently used one if full. */
  async open(task: AnyTask, name: string, options: OpenOptions = {}): Promise<AnyOpened> {
    const key = `${task.name}\n${name}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const found = this.#open.get(key) ?? task.load().then((runtime) => runtime.open(name, options));
    this.#open.delete(key);
    this.#open.set(key, found);
    try {
      const opened = await found;
      await this.#makeRoom();
      return opened;
    } catch (error) {
      // Failures are not cached: the file may appear later, and an abort says nothing about the checkpoint.
      if (this.#open.get(key) === found) this.#open.delete(key);
      throw error;
    }
  }

  async #makeRoom(): Promise<void> {
    for (const [key, opening] of [...this.#open].slice(0, Math.max(0, this.#open.size - PLACES))) {
      this.#open.delete(key);
      // A failure to open was already reported to the caller.
      await opening.then((opened) => opened.release()).catch(() => {});
    }
  }
}
