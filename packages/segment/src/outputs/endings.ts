/** Endings of the files that a result is written to; the first is the usual one. */
export const ENDINGS = ["png", "jpg", "jpeg", "webp", "json", "npz"] as const;

export type Ending = (typeof ENDINGS)[number];
