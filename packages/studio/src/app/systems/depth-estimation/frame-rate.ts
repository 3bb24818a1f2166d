/** How many of the last frames are counted. */
const WINDOW = 12;

/** Frames per second over the last few frames. */
export class FrameRate {
  readonly #times: number[] = [];

  /** Counts a frame. @param now in milliseconds @returns undefined for the first frame */
  tick(now: number): number | undefined {
    this.#times.push(now);
    if (this.#times.length > WINDOW) this.#times.shift();
    const [first = now] = this.#times;
    return now > first ? (1000 * (this.#times.length - 1)) / (now - first) : undefined;
  }
}
