/** Endings of the files that a result is written to; the first is the usual one. */
export const ENDINGS = ["png", "jpg", "jpeg", "webp", "pfm", "npy", "exr", "ply", "glb"] as const;

export type Ending = (typeof ENDINGS)[number];

/** Of the files that the depth of a video is written to. */
export const VIDEO_ENDINGS = ["mp4", "webm"] as const;
