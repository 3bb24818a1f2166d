/** Progress on stderr: one line rewritten in place on a terminal, one line per step elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #start = performance.now();
  #done = 0;

  /** @param total Parts of equal standing, of which the shown one is counted. */
  constructor(total: number) {
    this.#total = total;
  }

  /** The next part begins. */
  advance(): void {
    this.#done++;
  }

  /** @param secondsLeft Of the part, where known; the parts to come are taken to last as long as those before. */
  show(text: string, secondsLeft?: number): void {
    const elapsed = (performance.now() - this.#start) / 1000;
    const whole =
      secondsLeft === undefined ? undefined : ((elapsed + secondsLeft) / this.#done) * this.#total;
    const left = whole === undefined ? "" : `, about ${duration(whole - elapsed)} left`;
    this.#write(`[${this.#done}/${this.#total}] ${text}${left}`, false);
  }

  /** A line that stays. */
  note(text: string): void {
    this.#write(text, true);
  }

  /** Clears the line in place. */
  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }

  #write(text: string, stays: boolean): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}${stays ? "\n" : ""}`);
    else console.error(text);
  }
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
