/**
 * How a prediction is brought to the scale of the measurement before it is compared, per image.
 * - `least-squares`: scale and shift of the disparity (MiDaS)
 * - `robust`: the same, unmoved by outliers
 * - `median`: the ratio of the medians of depth, for metric networks (Zhou et al. 2017)
 * - `none`: not at all, for metric networks
 */
export const ALIGNMENTS = ["least-squares", "robust", "median", "none"] as const;
export type AlignBy = (typeof ALIGNMENTS)[number];
