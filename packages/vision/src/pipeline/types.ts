/** Classification results and options. Types only: nothing here runs. */
import type { OpenedFile } from "@tessera-ml/kit";
import type { Image, Planes, Rectangle } from "@tessera-ml/media";
import type { ClassifierRecord } from "../records/record.ts";

export interface Prediction {
  /** Index of the output. */
  readonly index: number;
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

export interface Classification {
  /** Name of the checkpoint's record: `cifar_resnet20.tessera`. */
  readonly model: string;
  /** Most probable first. */
  readonly predictions: readonly Prediction[];
  /** Forward pass only; the first for a given shape includes creating the session. In a batch, its share. */
  readonly milliseconds: number;
  /** Size of the original image. */
  readonly image: { readonly width: number; readonly height: number };
  /** The area of the image the network saw, in its pixels; may extend beyond the edges. */
  readonly seen: Rectangle;
}

/** Classes of a checkpoint file, if they differ from those of its record or network. */
export interface ClassifierOpenOptions {
  /** Default: the record's number, or that of the file's head. */
  readonly classes?: number | undefined;
  /** Output labels, in order. Default: the record's; numbers if the file's head has its own classes. */
  readonly labels?: readonly string[] | undefined;
}

export interface ClassifyOptions {
  /** Number of classes to return; default 5. */
  readonly top?: number;
}

export interface ClassifyAllOptions extends ClassifyOptions {
  /** Images per forward pass; default 8. */
  readonly batchSize?: number;
}

/** An image and the network's input made from it. */
export interface Prepared {
  /** RGB, upright. */
  readonly image: Image;
  /** [C, H, W], normalised. */
  readonly planes: Planes;
  /** The area of `image` that `planes` covers. */
  readonly seen: Rectangle;
  /** For digit networks: the digit laid out as in their data set, light on dark. */
  readonly digit?: Image;
}

/** A classifier's checkpoint, located and opened. */
export type OpenedCheckpoint = OpenedFile<ClassifierRecord>;
