import type { DatasetRecord, Form } from "@tessera-ml/hub";

export type Split = "train" | "test";

/** Pixels and labels of a split. */
export interface Samples<Pixels extends Uint8Array | Float32Array = Uint8Array | Float32Array> {
  /** [N, C, H, W], row-major: bytes 0 to 255, or floats 0 to 1 */
  images: Pixels;
  /** [N], indices into `classes` */
  labels: Uint8Array;
}

/** Small images of equal size with one label each, as arrays. */
export interface SamplesRecord extends DatasetRecord {
  readonly kind: "samples";
  readonly forms: Forms<"idx" | "usps-text" | "usps-f32" | "cifar-archive" | "cifar-records" | "cifar-jpeg">;
  readonly classes: readonly string[];
  /** [C, H, W] */
  readonly shape: readonly [number, number, number];
  readonly pixels: "uint8" | "float32";
  readonly splits: Readonly<Partial<Record<Split, number>>>;
}

/** Photographs of various sizes, as files. */
export interface PhotographsRecord extends DatasetRecord {
  readonly kind: "photographs";
  readonly forms: Forms<"photographs">;
}

export type ImageDataset = SamplesRecord | PhotographsRecord;

type Of<Format extends string> = Form & { readonly format: Format };
type Forms<Format extends string> = readonly [Of<Format>, ...Of<Format>[]];
