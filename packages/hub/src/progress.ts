/** Progress of one file. Sizes in bytes, times in seconds. */
export interface Progress {
  /** `waiting`: another process is downloading the same file. `decoding`: a data set is being unpacked. */
  phase: "waiting" | "downloading" | "verifying" | "decoding";
  /** Name of the file or data set. */
  file: string;
  /** Bytes (images, when decoding) so far, including those of earlier attempts. */
  received: number;
  total?: number | undefined;
  bytesPerSecond: number;
  secondsLeft?: number | undefined;
}

export type ReportProgress = (progress: Progress) => void;

const window = 5_000; // ms over which the rate is averaged
const interval = 100; // ms between two reports

/** Counts bytes and reports progress, at most ten times a second. */
export class Meter {
  private readonly file: string;
  private readonly report: ReportProgress | undefined;
  private phase: Progress["phase"] = "downloading";
  private received = 0;
  private total: number | undefined;
  private reported = Number.NEGATIVE_INFINITY;
  private samples: { at: number; received: number }[] = [];

  constructor(file: string, report: ReportProgress | undefined) {
    this.file = file;
    this.report = report;
  }

  /** Begins a phase at `received`; earlier bytes do not count towards the rate. */
  begin(phase: Progress["phase"], received: number, total?: number): void {
    this.phase = phase;
    this.received = received;
    this.total = total;
    this.samples = [{ at: performance.now(), received }];
    this.emit();
  }

  readonly add = (count: number): void => {
    this.received += count;
    if (performance.now() - this.reported >= interval) this.emit();
  };

  /** The last report of a phase, never throttled. */
  end(): void {
    this.emit();
  }

  private emit(): void {
    if (!this.report) return;
    const at = performance.now();
    this.reported = at;
    this.samples.push({ at, received: this.received });
    while (this.samples.length > 2 && at - this.samples[1]!.at > window) this.samples.shift();
    const first = this.samples[0]!;
    const seconds = (at - first.at) / 1000;
    const bytesPerSecond = seconds > 0 ? (this.received - first.received) / seconds : 0;
    const left = this.total === undefined ? undefined : Math.max(0, this.total - this.received);
    this.report({
      phase: this.phase,
      file: this.file,
      received: this.received,
      total: this.total,
      bytesPerSecond,
      secondsLeft:
        left === 0 ? 0 : left !== undefined && bytesPerSecond > 0 ? left / bytesPerSecond : undefined,
    });
  }
}
