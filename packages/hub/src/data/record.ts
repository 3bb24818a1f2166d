/** One file of a data set. */
export interface DataFile {
  /** name in the cache */
  file: string;
  /** the splits that need it; all where absent */
  split?: Split;
  /** where it is published: its home first, then mirrors */
  urls: readonly string[];
  /** bytes */
  size?: number;
  sha256?: string;
  /** SHA-256 of what is inside the `.gz`: a file compressed by another program is the same file */
  contentSha256?: string;
  /** where it lies under the shared data folder */
  shared?: string;
}

export type Split = "train" | "test";

/** What a split is: pixels and labels. */
export interface Samples<Pixels extends Uint8Array | Float32Array = Uint8Array | Float32Array> {
  /** [N, C, H, W], row-major: bytes 0 to 255, or floats 0 to 1 */
  images: Pixels;
  /** [N], indices into `classes` */
  labels: Uint8Array;
}

interface Described {
  name: string;
  title: string;
  licence: string;
  home: string;
  reference: string;
  /** The same data in one form or another; the first that is there is read, the first that has addresses is fetched. */
  forms: readonly Form[];
  note?: string;
}

/** Small pictures of one size with one label each: arrays. */
export interface SamplesRecord extends Described {
  kind: "samples";
  classes: readonly string[];
  /** [C, H, W] */
  shape: readonly [number, number, number];
  pixels: "uint8" | "float32";
  /** pictures in each split */
  splits: Partial<Record<Split, number>>;
}

/** Photographs of many sizes: files. */
export interface PhotographsRecord extends Described {
  kind: "photographs";
}

export type DatasetRecord = SamplesRecord | PhotographsRecord;

export interface Form {
  files: readonly DataFile[];
  format: "idx" | "usps-text" | "usps-f32" | "cifar-archive" | "cifar-records" | "cifar-jpeg" | "photographs";
}

/** The files of a form that a split needs. */
export function filesOf(form: Form, split?: Split): readonly DataFile[] {
  return form.files.filter((file) => split === undefined || file.split === undefined || file.split === split);
}
