/** What a classification is, and what a checkpoint needs to be opened. Types alone: nothing here runs. */
import type { ReportProgress } from "@tessera-ml/hub";
import type { Image, Planes, Rectangle } from "@tessera-ml/media";
import type { Checkpoint } from "@tessera-ml/nn";
import type { ClassifierRecord } from "../records/record.ts";
import type { TFLiteGraph } from "../tflite.ts";

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

export interface LoadOptions {
  /** How far a download, or the check of a file, is. */
  readonly progress?: ReportProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where a browser fetches `NAME/record.json` and the file beside it. Default `models`. */
  readonly base?: string;
  /** For a checkpoint that has no record: which network of the registry it is of. */
  readonly network?: string;
  /** Of a checkpoint file: how many classes it has. Default: as many as its record says, or its head has. */
  readonly classes?: number | undefined;
  /** Names of the outputs, in order. Default: those of the record; numbers where a head has classes of its own. */
  readonly labels?: readonly string[] | undefined;
  /** Where in a PyTorch file the network is, as `openCheckpoint` takes it. */
  readonly section?: string | undefined;
  /** Of several networks in a file, the one whose keys start with this. Wrappers such as `module.` need no mention. */
  readonly stripPrefix?: string | undefined;
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

/** A checkpoint that was found, opened. */
export interface OpenedCheckpoint {
  readonly record: ClassifierRecord;
  readonly checkpoint: Checkpoint;
  /** Of the outputs, where they are not those of the record. */
  readonly labels?: readonly string[] | undefined;
  /** TensorFlow's files name tensors by operator: the graph tells which is which. */
  readonly graph?: TFLiteGraph;
}
