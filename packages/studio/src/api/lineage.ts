import type { LineageEntry, ModelInfo } from "./models.ts";

/**
 * The history of networks: every checkpoint on this machine with a measured accuracy, by year, then by cost.
 */
export function lineageOf(models: readonly ModelInfo[]): LineageEntry[] {
  return models
    .flatMap(({ name, title, family, year, paper, params, macs, accuracy, place }) =>
      accuracy && macs !== undefined && place !== "absent"
        ? [
            {
              name,
              title,
              family,
              year,
              paper,
              params,
              macs,
              place,
              dataset: accuracy.dataset,
              top1: accuracy.top1,
            },
          ]
        : [],
    )
    .toSorted((a, b) => a.year - b.year || a.macs - b.macs);
}
