/** What a run reports, one JSON object a line. Node only. */
import { atomicWrite } from "../files/index.ts";
import { nodeFs } from "../files/sources/node-fs.ts";

export type Metrics = Readonly<Record<string, number>>;
export interface MetricsLine {
  /** Steps done. */
  readonly step: number;
  /** The first is 1. */
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
  /** Begins at `step`: lines after it, of a run that was killed later, are taken out. 0 begins anew. */
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
    // JSON has no NaN and no infinity.
    const text = JSON.stringify(line, (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
    );
    await nodeFs(this.path).appendFile(this.path, `${text}\n`);
  }
}

/** Lines that were cut off by a kill have no step. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as MetricsLine).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
