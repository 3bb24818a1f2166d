/** The log of a run, one JSON object per line. Node only. */
import { atomicWrite } from "../files/index.ts";
import { nodeFs } from "../files/sources/node-fs.ts";

export type Metrics = Readonly<Record<string, number>>;
export interface MetricsLine {
  /** Number of steps so far. */
  readonly step: number;
  /** Counts from 1. */
  readonly epoch: number;
  readonly kind: "training" | "evaluation";
  readonly [metric: string]: number | string;
}

/** Appends to a `.jsonl` file. */
export class MetricsFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
  /** Starts at `step`, removing later lines, which a killed run may have left. 0 starts a new file. */
  async begin(step: number): Promise<void> {
    const text = await nodeFs(this.path)
      .readFile(this.path, "utf8")
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return "";
        throw error;
      });
    const kept = step === 0 ? [] : text.split("\n").filter((line) => stepOf(line) <= step);
    await nodeFs(this.path).mkdir(this.path.replace(/[^/\\]*$/, "") || ".", { recursive: true });
    await atomicWrite(this.path, kept.map((line) => `${line}\n`).join(""));
  }
  async write(line: MetricsLine): Promise<void> {
    // JSON has no NaN or infinity.
    const text = JSON.stringify(line, (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
    );
    await nodeFs(this.path).appendFile(this.path, `${text}\n`);
  }
}

/** The step of a line; Infinity for lines truncated by a kill. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as MetricsLine).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
