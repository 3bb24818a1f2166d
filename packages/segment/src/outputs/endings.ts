/** Endings of the files that a result is written to; the first is the usual one. */
export const ENDINGS = ["png", "jpg", "jpeg", "webp", "json", "npz"] as const;

export type Ending = (typeof ENDINGS)[number];

/** Of the files that followed objects are written to. */
export const TRACK_ENDINGS = ["mp4", "webm", "json"] as const;
