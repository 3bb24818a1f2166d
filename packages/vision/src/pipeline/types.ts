/** What a classification is, and what a checkpoint needs to be opened. Types alone: nothing here runs. */
import type { OpenedFile } from "@tessera-ml/kit";
import type { Image, Planes, Rectangle } from "@tessera-ml/media";
import type { ClassifierRecord } from "../records/record.ts";

export interface Prediction {
  /** The output's number. */
  readonly index: number;
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

export interface Classification {
  /** Name of the checkpoint's record, `cifar_resnet20.tessera`. */
  readonly model: string;
  /** Most probable first. */
  readonly predictions: readonly Prediction[];
  /** Of the network alone; the first of a shape includes making its session. In a batch, its share. */
  readonly milliseconds: number;
  /** Size of the picture as it came. */
  readonly image: { readonly width: number; readonly height: number };
  /** The part of the picture the network saw, in its pixels; it may reach over the edges. */
  readonly seen: Rectangle;
}

/** What a checkpoint file's outputs are, if they are not those of its record or network. */
export interface ClassifierOpenOptions {
  /** Default: as many as the record says, or the file's head has. */
  readonly classes?: number | undefined;
  /** Names of the outputs, in order. Default: those of the record; numbers if the head has classes of its own. */
  readonly labels?: readonly string[] | undefined;
}

export interface ClassifyOptions {
  /** How many classes are told; default 5. */
  readonly top?: number;
}

export interface ClassifyAllOptions extends ClassifyOptions {
  /** Pictures in one run of the network; default 8. */
  readonly batchSize?: number;
}

/** A picture as it came, and what the network reads of it. */
export interface Prepared {
  /** RGB, upright. */
  readonly image: Image;
  /** [C, H, W], normalised. */
  readonly planes: Planes;
  /** The part of `image` that `planes` show. */
  readonly seen: Rectangle;
  /** Of digit networks: the digit as their data set would have it, light on dark. */
  readonly digit?: Image;
}

/** A classifier's checkpoint, found and opened. */
export type OpenedCheckpoint = OpenedFile<ClassifierRecord>;
