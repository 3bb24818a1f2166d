/** Images to depth. */
import {
  type AnswerContext,
  KitError,
  loadNetwork,
  type Opened,
  type OpenedFile,
  type OpenOptions,
  openNamed,
} from "@tessera-ml/kit";
import {
  Clip,
  Image,
  type ImageSource,
  Planes,
  readImage,
  type Size,
  type Source,
  toRgb,
  type VideoFrame,
} from "@tessera-ml/media";
import type { KnownPoint } from "./align.ts";
import { cameraOf, type Lens } from "./camera.ts";
import type { RunDtype } from "./dtypes.ts";
import { parseKnown, readSensor } from "./known.ts";
import { networks } from "./networks/index.ts";
import { opener } from "./opener.ts";
import {
  type DepthPreset,
  depthPresets,
  preprocessDepth,
  restoreDepth,
  videoDepthPreset,
} from "./preprocess.ts";
import type { DepthFields, DepthRecord } from "./records.ts";
import { type DepthOptions, type DepthResult, largest, relativeDepth } from "./result.ts";
import { type DepthModule, NetworkRun } from "./run-network.ts";
import { metresOf } from "./sky.ts";
import { mergeTiles } from "./tiles.ts";
import { ahead } from "./video/ahead.ts";
import { ClipJoiner, clipsOf } from "./video/clips.ts";
import { DepthVideo, type FrameMap } from "./video/depth-video.ts";
import type { DepthColors } from "./visualize.ts";

export interface Prepared {
  /** RGB, upright. */
  readonly image: Image;
  readonly camera: Lens;
  readonly planes: Planes;
  readonly known: readonly KnownPoint[];
}

interface PreparedFrame extends Prepared {
  readonly frame: VideoFrame;
}

/**
 * A trained network with all it takes to ask it about an image of any size, or about a video.
 *
 * @example
 * const estimator = await DepthEstimator.load("depth-anything-v2-small");
 * const depth = await estimator.estimate("street.jpg");
 * if (depth.kind === "metric") depth.metres; // [H, W] of the image
 */
export class DepthEstimator implements Opened<ImageSource, DepthOptions, DepthResult> {
  readonly record: DepthRecord;
  /** The checkpoint's; on Node only. */
  readonly paths: readonly string[];
  /** In inference mode. */
  readonly module: DepthModule;
  /** By what they compute with. */
  readonly #runs = new Map<RunDtype, NetworkRun>();

  private constructor({ record, paths }: OpenedFile<DepthRecord>, module: DepthModule) {
    this.record = record;
    this.paths = paths;
    this.module = module.eval();
  }

  /**
   * Opens a checkpoint; on Node it is downloaded if it is not on this machine.
   *
   * @param name a record's, a network's, an alias (`depth-anything-v2-small`), or on Node the path of a checkpoint, with
   *   `{ network }` if no record lies beside it: V1, V2 and the metric models have the same parameters, so a file does
   *   not tell which of them it is
   * @throws HubError `unknown-name`, `absent`, `offline`, …; KitError `which-network`, `no-checkpoint`; CheckpointError
   *   if the file is of another network
   */
  static async load(name: string, options: OpenOptions = {}): Promise<DepthEstimator> {
    const opened = await openNamed(opener, name, options);
    try {
      options.signal?.throwIfAborted();
      return new DepthEstimator(opened, await buildNetwork(opened));
    } finally {
      await opened.checkpoint.close();
    }
  }

  /** The preset and input size of the checkpoint, or those asked for. */
  preset({ preset, size }: DepthOptions = {}): DepthPreset {
    const { depth } = this.record;
    size ??= preset === undefined ? depth.size : undefined;
    const usual: DepthPreset = depthPresets[preset ?? depth.preset];
    if (size === undefined) return usual;
    if (!Number.isInteger(size) || size < usual.multiple)
      throw new RangeError(`size: expected at least ${usual.multiple} pixels, got ${size}`);
    return { ...usual, size };
  }

  /** The depth of one image. */
  async estimate(source: ImageSource, options: DepthOptions = {}): Promise<DepthResult> {
    const [only] = await this.answer([source], options);
    return only as DepthResult;
  }

  /**
   * The depth of a video, estimated as its frames are read. Networks for single images estimate each frame by itself;
   * those of disparity then have their maps aligned to one scale and shift for each scene. Video Depth Anything sees 32
   * frames at once.
   *
   * @example
   * for await (const { depth, timestamp } of estimator.video("clip.mp4").frames()) …
   * await saveDepthVideo(estimator.video("clip.mp4"), "depth.mp4");
   * @param source a file, or a `Clip`: pictures, for example
   * @throws KitError `bad-option` for options that only images have
   */
  video(source: Source | Clip, options: DepthOptions = {}, context: AnswerContext = {}): DepthVideo {
    const preset = this.preset(options);
    if ((options.tiles ?? 1) > 1)
      throw new KitError("bad-option", "tiles: expected an image; videos are estimated whole", {
        field: "tiles",
      });
    const known = options.known?.length ? "known" : options.sensor === undefined ? undefined : "sensor";
    if (known !== undefined)
      throw new KitError(
        "bad-option",
        `${known}: expected an image; a video cannot be aligned to distances`,
        {
          field: known,
        },
      );
    const clip = source instanceof Clip ? source : Clip.of(source);
    const network = this.#run(options.dtype);
    const { signal, progress } = context;
    const { kind } = this.record.depth;
    return new DepthVideo({
      ...{ model: this.record.name, kind, clip, options },
      align: kind === "disparity" && !network.seesClips,
      maps: (frames) => this.#frameMaps(frames, network, preset, options, signal),
      result: ({ frame: { image }, camera, map, milliseconds }) =>
        this.#result({ image, camera, known: [] }, restoreDepth(map, image, preset), milliseconds, options),
      progress: progress && ((done, total) => progress({ what: clip.name, done, total })),
    });
  }

  /** Answers in the order of the images. Those that make inputs of the same size go through the network together. */
  async answer(
    sources: readonly ImageSource[],
    options: DepthOptions = {},
    context: AnswerContext = {},
  ): Promise<DepthResult[]> {
    const preset = this.preset(options);
    this.#checkKnown(options);
    const network = this.#run(options.dtype);
    const prepared = await Promise.all(sources.map((source) => prepare(source, preset, options)));
    const results = new Map<Prepared, DepthResult>();
    for (const group of Map.groupBy(prepared, ({ planes }) => String(planes.shape)).values()) {
      const started = performance.now();
      const maps = await network.maps(group.map(({ planes }) => planes));
      const milliseconds = (performance.now() - started) / group.length;
      for (const [i, one] of group.entries()) {
        const map = restoreDepth(inUnit(maps[i] as Planes, one, this.record.depth), one.image, preset);
        const begin = performance.now();
        const fine = await this.#refined(one, map, network, preset, options, context);
        const more = performance.now() - begin;
        results.set(one, this.#result(one, fine, milliseconds + more, options));
      }
    }
    return prepared.map((one) => results.get(one) as DepthResult);
  }

  /** With `tiles`, the map of the whole image refined by those of its tiles. */
  async #refined(
    { image, camera }: Prepared,
    map: Planes,
    network: NetworkRun,
    preset: DepthPreset,
    { tiles = 1 }: DepthOptions,
    { signal, progress }: AnswerContext,
  ): Promise<Planes> {
    if (tiles === 1) return map;
    const estimate = async (part: Image) => {
      const planes = preprocessDepth(part, preset);
      const [found] = await network.maps([planes]);
      const inOwnUnit = inUnit(found as Planes, { image: part, camera, planes }, this.record.depth);
      return restoreDepth(inOwnUnit, part, preset);
    };
    return await mergeTiles(image, map, estimate, {
      ...{ tiles, signal },
      progress: progress && ((done, total) => progress({ what: "tiles", done, total })),
    });
  }

  #run(dtype: RunDtype = "float32"): NetworkRun {
    const run = this.#runs.get(dtype) ?? new NetworkRun(this.record.name, this.module, dtype);
    this.#runs.set(dtype, run);
    return run;
  }

  /** The maps of the frames of a video, of the network's size. */
  async *#frameMaps(
    frames: AsyncIterable<VideoFrame>,
    network: NetworkRun,
    preset: DepthPreset,
    options: DepthOptions,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<FrameMap, void, undefined> {
    const { depth } = this.record;
    async function* prepared(): AsyncGenerator<PreparedFrame, void, undefined> {
      for await (const frame of frames) {
        signal?.throwIfAborted();
        const fitting = network.seesClips ? videoDepthPreset(frame.image, preset) : preset;
        yield { frame, ...(await prepare(frame.image, fitting, options)) };
      }
    }
    if (!network.seesClips) {
      for await (const one of ahead(prepared())) {
        const started = performance.now();
        const [map] = await network.maps([one.planes]);
        const milliseconds = performance.now() - started;
        yield { frame: one.frame, camera: one.camera, map: inUnit(map as Planes, one, depth), milliseconds };
      }
      return;
    }
    /** Frames without a map, without the input of the network. */
    const waiting: Pick<PreparedFrame, "frame" | "camera">[] = [];
    async function* noted(): AsyncGenerator<Planes, void, undefined> {
      for await (const { frame, camera, planes } of prepared()) {
        waiting.push({ frame, camera });
        yield planes;
      }
    }
    const joiner = new ClipJoiner({ metric: depth.kind === "metric" });
    let milliseconds = 0;
    // The last clip repeats its last frame, so that there may be more maps than frames.
    const paired = (maps: readonly Planes[]): FrameMap[] =>
      waiting.splice(0, maps.length).map((one, i) => ({ ...one, map: maps[i] as Planes, milliseconds }));
    for await (const inputs of clipsOf(noted())) {
      signal?.throwIfAborted();
      const started = performance.now();
      const maps = await network.clip(inputs);
      milliseconds = (performance.now() - started) / inputs.length;
      yield* paired(joiner.push(maps));
    }
    yield* paired(joiner.finish());
  }

  #result(
    { image, camera, known }: Omit<Prepared, "planes">,
    map: Planes,
    milliseconds: number,
    { style, colormap, values: wanted }: DepthOptions,
  ): DepthResult {
    const { width, height } = image;
    const { kind, maxDepth } = this.record.depth;
    const colors = colorsOf(this.record.depth);
    const common = {
      model: this.record.name,
      width,
      height,
      image,
      camera,
      milliseconds,
      colors,
      style,
      colormap,
      values: wanted,
    };
    const values = clampNegative(map.data);
    if (kind === "metric") return { ...common, kind, metres: values, maxDepth: maxDepth ?? largest(values) };
    const relative = relativeDepth(common, values);
    return known.length > 0 ? relative.align(known) : relative;
  }

  /** @throws RangeError if distances are known to a network that says metres itself */
  #checkKnown({ known = [], sensor }: DepthOptions): void {
    if ((known.length > 0 || sensor !== undefined) && this.record.depth.kind === "metric")
      throw new RangeError(
        `${known.length > 0 ? "known" : "sensor"}: ${this.record.name} gives metres already: there is nothing to align`,
      );
  }

  /** Frees the session; asking again makes another. */
  release(): void {
    for (const run of this.#runs.values()) run.release();
  }
}

/** No disparity is larger than that of this depth, whatever its unit: a depth of 0 has none. */
const NEAREST = 1e-6;

/** What a network gives, [1, h, w], as disparity or metres. */
function inUnit(
  map: Planes,
  { camera, image, planes }: Omit<Prepared, "known">,
  { output }: DepthFields,
): Planes {
  if (output === "depth")
    return new Planes(
      1,
      map.height,
      map.width,
      map.data.map((depth) => 1 / Math.max(depth, NEAREST)),
    );
  if (output !== "focal") return map;
  // As the input is resized, the focal length changes with it.
  const zoom = (planes.width / image.width + planes.height / image.height) / 2;
  return metresOf(map, camera.focalLength * zoom);
}

/** Bicubic resizing overshoots at edges; neither disparity nor metres are negative. */
function clampNegative(values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.max(0, values[i]!);
  return out;
}

/** The colours of the script that came with the checkpoint. */
function colorsOf({ kind, preset }: DepthFields): DepthColors {
  if (kind === "metric") return "depth_anything_v2_metric";
  return preset === "depth_anything" || preset.startsWith("midas") ? "midas" : "depth_anything_v2";
}

/** An image as the network gets it, and what is known of its camera. */
export async function prepare(
  source: ImageSource,
  preset: DepthPreset,
  options: DepthOptions,
): Promise<Prepared> {
  const read = source instanceof Image ? source : await readImage(source, { mode: "file" });
  const image = toRgb(read);
  const known = await knownPoints(image, options);
  return { image, camera: cameraOf(read, options), planes: preprocessDepth(image, preset), known };
}

async function knownPoints(
  image: Size,
  { known = [], sensor, sensorUnit }: DepthOptions,
): Promise<readonly KnownPoint[]> {
  const points = known.map((point) => (typeof point === "string" ? parseKnown(point) : point));
  return sensor === undefined ? points : [...points, ...(await readSensor(sensor, image, sensorUnit))];
}

async function buildNetwork({ record, checkpoint }: OpenedFile<DepthRecord>): Promise<DepthModule> {
  const { network } = networks.ofRecord(record);
  const { maxDepth } = record.depth;
  const create = maxDepth === undefined ? {} : { maxDepth };
  const { module } = await loadNetwork(networks, network.name, checkpoint, { create });
  return module as DepthModule;
}
