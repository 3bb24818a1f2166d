/** What is asked about an image, and what is answered. Types only: nothing here runs. */
import type { Colormap, Image } from "@tessera-ml/media";
import type { Lens } from "./camera.ts";
import type { PresetName } from "./records.ts";
import type { DepthColors } from "./visualize.ts";

/** What pictures of a result show: colours, the image and the colours beside each other, or 16-bit values. */
export type PictureStyle = "colour" | "side-by-side" | "16-bit";

export interface DepthOptions {
  /** Side of the network's input that the preset speaks of, in pixels. Default: the preset's. */
  readonly size?: number | undefined;
  /** How the image is prepared and the map resized. Default: as the record of the checkpoint says. */
  readonly preset?: PresetName | undefined;
  /** In pixels of the image. Default: from the EXIF data of the image, else assumed. */
  readonly focalLength?: number | undefined;
  /** Default: 16 bits in `.png` files, colours elsewhere. */
  readonly style?: PictureStyle | undefined;
  /** Default: as the script of the model's authors paints its maps. */
  readonly colormap?: Colormap | undefined;
}

interface Common {
  /** Name of the checkpoint's record. */
  readonly model: string;
  /** Of the image, and so of the map. */
  readonly width: number;
  readonly height: number;
  /** RGB, upright. */
  readonly image: Image;
  readonly camera: Lens;
  /** In the network alone; the first of a shape includes making its session. In a batch, its share. */
  readonly milliseconds: number;
  /** Of the script of the model's authors. */
  readonly colors: DepthColors;
  readonly style?: PictureStyle | undefined;
  readonly colormap?: Colormap | undefined;
}

/** Inverse depth up to an unknown scale and shift: an order, not a distance. `1 / disparity` is not depth. */
export interface RelativeDepth extends Common {
  readonly kind: "disparity";
  /** [H, W], row-major; larger is nearer. */
  readonly disparity: Float32Array;
}

export interface MetricDepth extends Common {
  readonly kind: "metric";
  /** [H, W], row-major: distance along the optical axis. */
  readonly metres: Float32Array;
  /** The largest depth that the network can say. */
  readonly maxDepth: number;
}

export type DepthResult = RelativeDepth | MetricDepth;
