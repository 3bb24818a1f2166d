/** Progress on stderr: one line rewritten in place on a terminal, one line per step elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #start = performance.now();
  #done = 0;

  /** @param total Number of parts, assumed to take equally long */
  constructor(total: number) {
    this.#total = total;
  }

  /** Starts the next part. */
  advance(): void {
    this.#done++;
  }

  /** @param secondsLeft Remaining time of this part, if known; later parts are assumed to take as long as earlier ones */
  show(text: string, secondsLeft?: number): void {
    const elapsed = (performance.now() - this.#start) / 1000;
    const whole =
      secondsLeft === undefined ? undefined : ((elapsed + secondsLeft) / this.#done) * this.#total;
    const left = whole === undefined ? "" : `, about ${duration(whole - elapsed)} left`;
    this.#write(`[${this.#done}/${this.#total}] ${text}${left}`, false);
  }

  /** Prints a permanent line. */
  note(text: string): void {
    this.#write(text, true);
  }

  /** Clears the progress line. */
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
