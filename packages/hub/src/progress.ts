/** How far a file is. Sizes in bytes, times in seconds. */
export interface Progress {
  /** `waiting`: another process is fetching this very file. `decoding`: a data set is being unpacked. */
  phase: "waiting" | "downloading" | "verifying" | "decoding";
  /** The file's name, or the data set's. */
  file: string;
  /** Bytes (images, when decoding) that are there, those of an earlier attempt included. */
  received: number;
  total?: number | undefined;
  bytesPerSecond: number;
  secondsLeft?: number | undefined;
}

export type ReportProgress = (progress: Progress) => void;

const window = 5_000; // ms over which the rate is averaged
const interval = 100; // ms between two reports

/** Counts what arrives and reports it, ten times a second at most. */
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

  /** Begins a phase at `received`; what was there before does not count towards the rate. */
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

  /** The last word of a phase, never throttled away. */
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
