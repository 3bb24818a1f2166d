/** Pictures and prompts to masks. */
import {
  type AnswerContext,
  KitError,
  loadNetwork,
  type Opened,
  type OpenedFile,
  type OpenOptions,
  openNamed,
} from "@tessera-ml/kit";
import { Image, type ImageSource, Planes, readImage, toRgb } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import { type FoundMask, segmentEverything } from "./everything/generate.ts";
import { maskOf, stabilityScore } from "./mask.ts";
import { Sam } from "./models/sam1/sam.ts";
import { Sam2 } from "./models/sam2/sam2.ts";
import { networks } from "./networks/index.ts";
import { opener } from "./opener.ts";
import { maskPrompt } from "./predict/mask-prompt.ts";
import type { ImagePrompt, Prediction } from "./predict/prompt.ts";
import { type SamImage, SamPredictor } from "./predict/sam-predictor.ts";
import { type Sam2Image, Sam2Predictor } from "./predict/sam2-predictor.ts";
import { type ObjectPrompt, readPrompts, UNNAMED } from "./prompts.ts";
import type { SegmentRecord } from "./records.ts";
import type { ObjectGuess, Segmentation, SegmentedObject, SegmentOptions } from "./result.ts";
import { decodeRle } from "./rle.ts";

/** A picture that the encoder has seen. */
export type EncodedImage = SamImage | Sam2Image;

/** Encoded pictures that are kept, about 16 MB each. */
const KEPT = 4;
/** Of logits, around which the stability of a mask is measured. */
const OFFSET = 1;

/**
 * A trained network with all it takes to ask it about pictures of any size.
 *
 * @example
 * const segmenter = await Segmenter.load("sam2.1_tiny");
 * const picture = await segmenter.image("street.jpg");        // the encoder runs once
 * const { logits } = await picture.predict({ points: [[320, 240]], labels: [1] });
 */
export class Segmenter implements Opened<ImageSource, SegmentOptions, Segmentation> {
  readonly record: SegmentRecord;
  /** The checkpoint's; on Node only. */
  readonly paths: readonly string[];
  /** In inference mode. */
  readonly module: Module;
  /** Of images and, with SAM 2, of videos. */
  readonly predictor: SamPredictor | Sam2Predictor;
  /** By the contents of the picture; the least recently used leave. */
  readonly #encoded = new Map<string, Promise<EncodedImage>>();

  private constructor({ record, paths }: OpenedFile<SegmentRecord>, module: Module) {
    this.record = record;
    this.paths = paths;
    this.module = module.eval();
    this.predictor = predictorOf(module);
  }

  /**
   * Opens a checkpoint; on Node it is downloaded if it is not on this machine.
   *
   * @param name a record's, a network's, an alias (`sam2.1_tiny`), or on Node the path of a checkpoint, with
   *   `{ network }` if no record lies beside it
   * @param options.details `side`: of the square input in pixels, a multiple of 32; SAM 2 only
   * @throws HubError `unknown-name`, `absent`, `offline`, …; KitError `which-network`, `no-checkpoint`, `bad-option`;
   *   CheckpointError if the file is of another network
   */
  static async load(name: string, options: OpenOptions = {}): Promise<Segmenter> {
    const opened = await openNamed(opener, name, options);
    try {
      options.signal?.throwIfAborted();
      return new Segmenter(opened, await buildNetwork(opened, options.details?.side));
    } finally {
      await opened.checkpoint.close();
    }
  }

  /** Side of mask prompts. */
  get promptSide(): number {
    return this.predictor.model.image / 4;
  }

  /** Encodes a picture, unless it is one of the last few. */
  async image(source: ImageSource): Promise<EncodedImage> {
    return (await this.#encode(await rgbOf(source))).picture;
  }

  async #encode(image: Image): Promise<{ picture: EncodedImage; milliseconds: number }> {
    const key = fingerprint(image);
    const known = this.#encoded.get(key);
    const started = performance.now();
    const asked = known ?? this.predictor.image(image);
    this.#encoded.delete(key);
    this.#encoded.set(key, asked);
    for (const oldest of this.#encoded.keys()) {
      if (this.#encoded.size <= KEPT) break;
      this.#encoded.delete(oldest);
    }
    try {
      return { picture: await asked, milliseconds: known ? 0 : performance.now() - started };
    } catch (error) {
      if (this.#encoded.get(key) === asked) this.#encoded.delete(key);
      throw error;
    }
  }

  /** The objects of one picture. */
  async segment(
    source: ImageSource,
    options: SegmentOptions,
    context?: AnswerContext,
  ): Promise<Segmentation> {
    const [only] = await this.answer([source], options, context);
    return only as Segmentation;
  }

  /**
   * The objects of pictures; prompts are in pixels of each.
   *
   * @throws SegmentError `bad-prompt`
   */
  async answer(
    sources: readonly ImageSource[],
    options: SegmentOptions,
    context: AnswerContext = {},
  ): Promise<Segmentation[]> {
    const answers: Segmentation[] = [];
    for (const source of sources) {
      context.signal?.throwIfAborted();
      answers.push(await this.#answer(await rgbOf(source), options, context));
    }
    return answers;
  }

  async #answer(image: Image, options: SegmentOptions, context: AnswerContext): Promise<Segmentation> {
    const { style, picture = true } = options;
    const about = {
      model: this.record.name,
      width: image.width,
      height: image.height,
      image,
      style,
      picture,
    };
    if (options.everything) {
      const started = performance.now();
      const objects = await this.#everything(image, options, context);
      return { ...about, objects, milliseconds: { encoder: 0, prompts: performance.now() - started } };
    }
    const prompts = await this.#prompts(image, options);
    const { picture: encoded, milliseconds: encoder } = await this.#encode(image);
    const started = performance.now();
    const objects: SegmentedObject[] = [];
    for (const prompt of prompts) {
      context.signal?.throwIfAborted();
      const prediction = await ask(encoded, prompt, options);
      objects.push({ name: prompt.name, guesses: guessesOf(prediction) });
    }
    return { ...about, objects, milliseconds: { encoder, prompts: performance.now() - started } };
  }

  async #prompts(image: Image, options: SegmentOptions): Promise<ObjectPrompt[]> {
    const given = [...(options.objects ?? []), ...readPrompts(options)];
    if (options.mask === undefined) {
      if (given.length > 0) return given;
      throw new KitError(
        "bad-option",
        "point: expected a point, a box or a mask that shows the object, or --everything",
        { field: "point" },
      );
    }
    const [first = { name: UNNAMED }, ...others] = given;
    return [{ ...first, mask: await maskPrompt(options.mask, image, this.predictor.model) }, ...others];
  }

  async #everything(
    image: Image,
    options: SegmentOptions,
    { signal, progress }: AnswerContext,
  ): Promise<SegmentedObject[]> {
    const isFirst = this.module instanceof Sam;
    const { pointsPerSide, predIouThresh = isFirst ? 0.88 : 0.8, stabilityScoreThresh } = options;
    const { cropNLayers, minMaskRegionArea } = options;
    const found = await segmentEverything(this.predictor, image, {
      predIouThresh,
      ...(pointsPerSide !== undefined && { pointsPerSide }),
      ...(stabilityScoreThresh !== undefined && { stabilityScoreThresh }),
      ...(cropNLayers !== undefined && { cropNLayers }),
      ...(minMaskRegionArea !== undefined && { minMaskRegionArea }),
      ...(signal && { signal }),
      ...(progress && {
        progress: (done: number, total: number) => progress({ what: "clicks", done, total }),
      }),
    });
    // The largest first, so that pictures show the small ones on top.
    return found
      .toSorted((a, b) => b.area - a.area)
      .map((mask, i) => ({ name: String(i + 1), guesses: [guessOf(mask)] }));
  }

  /** Frees the sessions; asking again makes others. */
  release(): void {
    this.#encoded.clear();
    this.predictor.release();
  }
}

function predictorOf(module: Module): SamPredictor | Sam2Predictor {
  if (module instanceof Sam2) return new Sam2Predictor(module);
  if (module instanceof Sam) return new SamPredictor(module);
  throw new Error(`${module.constructor.name}: expected a network of the SAM family`);
}

/** The answer to a prompt; with `refine`, to its points one after another. */
async function ask(
  encoded: EncodedImage,
  { name: _, ...prompt }: ObjectPrompt,
  { multimask = false, refine = false }: SegmentOptions,
): Promise<Prediction> {
  const { points = [], labels = [] } = prompt;
  if (!refine || points.length < 2) return await encoded.predict(prompt, { multimask });
  let mask = prompt.mask;
  for (let count = 1; ; count++) {
    const said: ImagePrompt = {
      ...prompt,
      points: points.slice(0, count),
      labels: labels.slice(0, count),
      ...(mask && { mask }),
    };
    // One click may mean several things: the likeliest of three is better than the one.
    const prediction = await encoded.predict(said, { multimask: multimask || (count === 1 && !mask) });
    if (count === points.length) return prediction;
    mask = plane(prediction.lowRes, best(prediction));
  }
}

const best = ({ iou }: Prediction) => iou.indexOf(Math.max(...iou));

function plane({ height, width, data }: Planes, index: number): Planes {
  const size = height * width;
  return new Planes(1, height, width, data.slice(index * size, (index + 1) * size));
}

/** The likeliest first. */
function guessesOf({ logits, lowRes, iou }: Prediction): ObjectGuess[] {
  return iou
    .map((score, i) => ({
      mask: maskOf(logits, i),
      iou: score,
      stability: finite(stabilityScore(logits, i, 0, OFFSET)),
      logits: plane(logits, i),
      lowRes: plane(lowRes, i),
    }))
    .toSorted((a, b) => b.iou - a.iou);
}

function guessOf({ rle, predictedIou, stability }: FoundMask): ObjectGuess {
  return {
    mask: decodeRle(rle),
    iou: predictedIou,
    stability: finite(stability),
    logits: undefined,
    lowRes: undefined,
  };
}

const finite = (value: number) => (Number.isFinite(value) ? value : undefined);

async function rgbOf(source: ImageSource): Promise<Image> {
  return toRgb(source instanceof Image ? source : await readImage(source, { mode: "file" }));
}

/** Tells pictures apart: their size, and two hashes of all bytes (FNV-1a on 32 bits, from both ends). */
function fingerprint({ width, height, data }: Image): string {
  let [forwards, backwards] = [0x811c9dc5, 0x811c9dc5];
  for (let i = 0, j = data.length - 1; j >= 0; i++, j--) {
    forwards = Math.imul(forwards ^ data[i]!, 0x01000193);
    backwards = Math.imul(backwards ^ data[j]!, 0x01000193);
  }
  return `${width}x${height}:${forwards}:${backwards}`;
}

async function buildNetwork(
  { record, checkpoint }: OpenedFile<SegmentRecord>,
  asked: unknown,
): Promise<Module> {
  const { network } = networks.ofRecord(record);
  const size = (asked as number | undefined) ?? record.segment?.size;
  const isSecond = network.name.startsWith("sam2");
  if (asked !== undefined && !isSecond)
    throw new KitError(
      "bad-option",
      `side: ${record.name} takes pictures of 1024 pixels; only SAM 2 takes others`,
      { field: "side" },
    );
  const create = isSecond && size !== undefined ? { image: size } : {};
  const { module } = await loadNetwork(networks, network.name, checkpoint, { create });
  return module;
}
