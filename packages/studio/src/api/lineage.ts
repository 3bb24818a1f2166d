import type { LineageEntry, ModelInfo } from "./models.ts";

/**
 * The history of networks: every checkpoint whose accuracy was measured and whose cost is known, in the order
 * of years and, within one, of cost.
 */
export function lineageOf(models: readonly ModelInfo[]): LineageEntry[] {
  return models
    .flatMap(({ name, title, family, year, paper, params, macs, accuracy, place }) =>
      accuracy && macs !== undefined
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
