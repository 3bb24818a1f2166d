/** What the worker does: from bytes and names to answers of the API. */
import { type Image, type ReadImageOptions, readImage } from "@tessera-ml/media";
import { type ClassifierRecord, findNetwork, inputShapeOf, modelInfo } from "@tessera-ml/vision";
import * as answers from "../../answers/inspect.ts";
import { openImage } from "../../answers/recent.ts";
import { openClassifier } from "../../answers/shelf.ts";
import type {
  AttentionAnswer,
  ClassifyAnswer,
  FeaturesAnswer,
  GradcamAnswer,
  ModelAnswer,
  ReceptiveFieldAnswer,
} from "../../api/index.ts";

/** The file of a picture, and how it is to be read. */
export interface PictureInput extends Required<Pick<ReadImageOptions, "name" | "maxPixels" | "tolerant">> {
  readonly bytes: Uint8Array;
  /** Of an upload: the last few are decoded once. */
  readonly id?: string;
}

export interface Cost {
  readonly params: number;
  /** For one image. */
  readonly macs: number;
}

export const jobs = {
  async classify(
    input: { picture: PictureInput; models: readonly string[]; top: number },
    signal: AbortSignal,
  ): Promise<ClassifyAnswer> {
    const image = await decode(input.picture);
    const results = [];
    for (const name of input.models) {
      signal.throwIfAborted();
      const classifier = await openClassifier(name, signal);
      const { predictions, ...rest } = await classifier.classify(image, { top: input.top });
      results.push({ ...rest, predictions: [...predictions] });
    }
    return { results };
  },

  async features(
    input: { picture: PictureInput; model: string; part: string; limit: number },
    signal: AbortSignal,
  ): Promise<FeaturesAnswer> {
    const image = await decode(input.picture);
    return await answers.features(await openClassifier(input.model, signal), image, input);
  },

  async gradcam(
    input: { picture: PictureInput; model: string; class?: number | undefined; part?: string | undefined },
    signal: AbortSignal,
  ): Promise<GradcamAnswer> {
    const image = await decode(input.picture);
    return await answers.gradcam(await openClassifier(input.model, signal), image, input);
  },

  async attention(
    input: { picture: PictureInput; model: string },
    signal: AbortSignal,
  ): Promise<AttentionAnswer> {
    const image = await decode(input.picture);
    return await answers.attention(await openClassifier(input.model, signal), image);
  },

  async receptiveField(
    input: { model: string; part: string },
    signal: AbortSignal,
  ): Promise<ReceptiveFieldAnswer> {
    return await answers.receptiveField(await openClassifier(input.model, signal), input);
  },

  /** Of a checkpoint that need not be on this machine: nothing of it is loaded. */
  async describe(input: { record: ClassifierRecord }): Promise<Omit<ModelAnswer, "model">> {
    const { create } = findNetwork(input.record);
    const model = create({ classes: input.record.classes.count });
    return answers.describe(model, inputShapeOf(input.record));
  },

  /** In the order of the records. */
  async count(input: { records: readonly ClassifierRecord[] }, signal: AbortSignal): Promise<Cost[]> {
    return input.records.map((record) => {
      signal.throwIfAborted();
      const { params, macs } = modelInfo(record);
      return { params, macs };
    });
  },
};

/** As the file has it: what becomes of transparency is the network's business. */
function decode({ bytes, id, ...options }: PictureInput): Promise<Image> {
  const read = () => readImage(bytes, { mode: "file", ...options });
  return id === undefined ? read() : openImage(options.tolerant ? `${id}, tolerant` : id, read);
}
