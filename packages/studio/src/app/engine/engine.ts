/** Who computes for the page: the server it came from, or the page itself. */
import type {
  AttentionAnswer,
  Classification,
  FeaturesAnswer,
  GradcamAnswer,
  LineageEntry,
  ModelAnswer,
  ModelInfo,
  ReceptiveFieldAnswer,
  RecipeInfo,
  TrainEvent,
  TrainRequest,
} from "../../api/index.ts";

export interface Engine {
  readonly kind: "server" | "browser";
  models(): Promise<readonly ModelInfo[]>;
  /** The network's layers and the chain of its parts. */
  model(name: string): Promise<ModelAnswer>;
  classify(picture: Blob, model: string, signal: AbortSignal): Promise<Classification>;
  /** What comes out of a part, the strongest channels first. */
  features(picture: Blob, model: string, part: string, signal: AbortSignal): Promise<FeaturesAnswer>;
  gradcam(picture: Blob, model: string, options: GradcamOptions): Promise<GradcamAnswer>;
  attention(picture: Blob, model: string, signal: AbortSignal): Promise<AttentionAnswer>;
  receptiveField(model: string, part: string, signal: AbortSignal): Promise<ReceptiveFieldAnswer>;
  lineage(): Promise<readonly LineageEntry[]>;
  readonly training: Training;
  /** Gets a network ready before anybody asks, where that takes long. */
  warm?(model: string): Promise<void>;
  close(): void;
}

export interface GradcamOptions {
  /** Default: the most probable. */
  readonly class?: number | undefined;
  /** Default: the last part that is a map. */
  readonly part?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Training {
  recipes(): Promise<readonly RecipeInfo[]>;
  /** Starts a run and gives its name. */
  start(request: TrainRequest): Promise<string>;
  /** The run that is going on, if there is one: a page that was closed finds it again. */
  running(): Promise<string | undefined>;
  /** Tells of a run from its start; the function that comes back stops the telling, not the run. */
  follow(id: string, heard: (event: TrainEvent) => void, failed: (message: string) => void): () => void;
  stop(id: string): Promise<void>;
}

/** How many classes an answer names. */
export const TOP = 5;
