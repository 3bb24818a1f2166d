/** Progress reports: a status line on a terminal, an occasional line elsewhere. */

export interface ProgressReport {
  /** Number of steps so far. */
  readonly step: number;
  /** Total number of steps. */
  readonly steps: number;
  /** Counts from 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly stepsPerSecond: number;
  readonly secondsLeft: number;
}

/** Seconds between lines if the output is not a terminal. */
const PAUSE = 20;

export class Progress {
  readonly #steps: number;
  readonly #report: ((report: ProgressReport) => void) | undefined;
  /** Steps and their completion times, over about the last minute. */
  readonly #marks: { step: number; at: number }[] = [];
  #written = Number.NEGATIVE_INFINITY;

  /** @param report receives the reports instead of the terminal; `false` for none */
  constructor(steps: number, first: number, report: ((report: ProgressReport) => void) | boolean) {
    this.#steps = steps;
    this.#report = typeof report === "function" ? report : report ? print : undefined;
    this.#marks.push({ step: first, at: performance.now() });
  }

  get stepsPerSecond(): number {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || !last || last.at === first.at) return 0;
    return (1000 * (last.step - first.step)) / (last.at - first.at);
  }

  /** Reports a step, at most ten times a second. */
  step(step: number, epoch: number, loss: number): void {
    const at = performance.now();
    this.#marks.push({ step, at });
    while (this.#marks.length > 2 && (at - (this.#marks[1]?.at ?? at) > 60_000 || this.#marks.length > 1000))
      this.#marks.shift();
    if (!this.#report) return;
    const pause = this.#report !== print || isTerminal() ? 0.1 : PAUSE;
    if (at - this.#written < 1000 * pause && step < this.#steps) return;
    this.#written = at;
    const { stepsPerSecond } = this;
    const secondsLeft = stepsPerSecond > 0 ? (this.#steps - step) / stepsPerSecond : Number.POSITIVE_INFINITY;
    this.#report({ step, steps: this.#steps, epoch, loss, stepsPerSecond, secondsLeft });
  }

  /** Prints a permanent line. */
  say(text: string): void {
    if (this.#report !== print) return;
    write(isTerminal() ? `\r\x1b[K${text}\n` : `${text}\n`);
  }
  /** Ends the status line. */
  end(): void {
    if (this.#report === print && isTerminal()) write("\n");
  }
}

function isTerminal(): boolean {
  return globalThis.process?.stderr?.isTTY === true;
}

function print(report: ProgressReport): void {
  write(isTerminal() ? `\r\x1b[K${describe(report)}` : `${describe(report)}\n`);
}

/** Writes to stderr, to keep stdout clean, or to the console in browsers. */
function write(text: string): void {
  const { stderr } = globalThis.process ?? {};
  if (stderr) stderr.write(text);
  else console.log(text.trimEnd());
}

function describe({ step, steps, epoch, loss, stepsPerSecond, secondsLeft }: ProgressReport): string {
  const speed =
    stepsPerSecond >= 1 || stepsPerSecond === 0
      ? `${stepsPerSecond.toFixed(1)} steps/s`
      : `${(1 / stepsPerSecond).toFixed(1)} s/step`;
  return `step ${step}/${steps}  epoch ${epoch}  loss ${loss.toPrecision(4)}  ${speed}  ${duration(secondsLeft)} left`;
}

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}
