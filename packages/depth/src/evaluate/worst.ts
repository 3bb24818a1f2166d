/** The images on which a network is worst, with their maps, for reports. */
import type { Image, Planes } from "@tessera-ml/media";
import type { RgbdFrame } from "../data/rgbd.ts";
import type { DepthMetrics } from "../metrics.ts";
import type { FrameEvaluation } from "./frame.ts";

export interface WorstCase {
  /** Name of the set. */
  readonly set: string;
  readonly name: string;
  readonly image: Image;
  readonly metrics: DepthMetrics;
  /** Depth [1, H, W] as evaluated. */
  readonly depth: Planes;
  /** Measured depth [1, H, W], 0 where a pixel does not count. */
  readonly target: Planes;
  /** Whether depth is in metres. */
  readonly metric: boolean;
}

/** Keeps the images with the largest AbsRel; the maps of the others are not held in memory. */
export class WorstCases {
  readonly #keep: number;
  #cases: WorstCase[] = [];

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The largest error first. */
  get cases(): readonly WorstCase[] {
    return this.#cases;
  }

  add(set: string, { name, image, kind }: RgbdFrame, { metrics, depth, target }: FrameEvaluation): void {
    const added = { set, name, image, metrics, depth, target, metric: kind === "depth" };
    this.#cases = [...this.#cases, added]
      .toSorted((a, b) => b.metrics.absRel - a.metrics.absRel)
      .slice(0, this.#keep);
  }
}
