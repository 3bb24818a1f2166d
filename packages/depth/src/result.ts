/** What is asked about an image, and what is answered. */
import type { Colormap, Image, Source, VideoFormat } from "@tessera-ml/media";
import { Planes } from "@tessera-ml/media";
import { type Alignment, type AlignOptions, align, type KnownPoint } from "./align.ts";
import type { Lens } from "./camera.ts";
import type { RunDtype } from "./dtypes.ts";
import type { PresetName } from "./records.ts";
import type { DepthColors } from "./visualize.ts";

/** What pictures of a result show: colours, the image and the colours beside each other, or 16-bit values. */
export type PictureStyle = "colour" | "side-by-side" | "16-bit";

export interface DepthOptions {
  /** Side of the network's input that the preset speaks of, in pixels. Default: the preset's. */
  readonly size?: number | undefined;
  /** How the image is prepared and the map resized. Default: as the record of the checkpoint says. */
  readonly preset?: PresetName | undefined;
  /** What the network computes with, default `float32`; `int8` is faster on CPUs, and less exact. */
  readonly dtype?: RunDtype | undefined;
  /** Tiles along the shorter side of the image, for finer maps; default 1: the image as a whole. */
  readonly tiles?: number | undefined;
  /** In pixels of the image. Default: from the EXIF data of the image, else assumed. */
  readonly focalLength?: number | undefined;
  /** Default: 16 bits in `.png` files, colours elsewhere. */
  readonly style?: PictureStyle | undefined;
  /** Default: as the script of the model's authors paints its maps. */
  readonly colormap?: Colormap | undefined;
  /** Known distances, which turn a relative map into metres; as text `x,y=metres`. */
  readonly known?: readonly (KnownPoint | string)[] | undefined;
  /** The file of a sparse sensor with known distances, see {@link readSensor}. Node only. */
  readonly sensor?: Source | undefined;
  /** Metres per step of a sensor's PNG, default 0.001. */
  readonly sensorUnit?: number | undefined;
  /** JSON answers carry the values instead of a picture, as a map whose longer side has at most this many pixels. */
  readonly values?: number | undefined;
  /** JSON answers to videos carry the depth as a video. Default: its figures alone. */
  readonly playable?: VideoFormat | undefined;
}

/** What relative and metric results share. */
export interface CommonResult {
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
  readonly values?: number | undefined;
}

/** Inverse depth up to an unknown scale and shift: an order, not a distance. `1 / disparity` is not depth. */
export interface RelativeDepth extends CommonResult {
  readonly kind: "disparity";
  /** [H, W], row-major; larger is nearer. */
  readonly disparity: Float32Array;
  /**
   * Metres from two or more known distances.
   *
   * @throws RangeError like `align`
   */
  align(points: readonly KnownPoint[], options?: AlignOptions): MetricDepth;
}

/** How a relative map became metres: depth = 1 / (scale · disparity + shift). */
export interface KnownAlignment extends Alignment {
  /** How many distances were known. */
  readonly points: number;
  /** Mean or median relative error at points that the fit did not see; undefined for two points. */
  readonly expectedError: number | undefined;
}

export interface MetricDepth extends CommonResult {
  readonly kind: "metric";
  /** [H, W], row-major: distance along the optical axis. */
  readonly metres: Float32Array;
  /** The largest depth that the network can say, or that the map has. */
  readonly maxDepth: number;
  /** If the network's map was relative. */
  readonly alignment?: KnownAlignment | undefined;
}

export type DepthResult = RelativeDepth | MetricDepth;

export function largest(values: Float32Array): number {
  return values.reduce((most, value) => (value > most ? value : most), 0);
}

/** A relative result, which can be aligned. */
export function relativeDepth(common: CommonResult, disparity: Float32Array): RelativeDepth {
  return {
    ...common,
    kind: "disparity",
    disparity,
    align: (points, options) => {
      const { width, height } = common;
      const aligned = align(new Planes(1, height, width, disparity), points, options);
      const { scale, shift, expectedError, depth } = aligned;
      return {
        ...common,
        kind: "metric",
        metres: depth.data,
        maxDepth: largest(depth.data),
        // A map of metres is painted like those of the metric models.
        colors: "depth_anything_v2_metric",
        alignment: { scale, shift, expectedError, points: points.length },
      };
    },
  };
}
