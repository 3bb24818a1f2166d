/** The page computes by itself: the vision package in a worker, on ONNX Runtime's WebAssembly. */
import { lineageOf, type ModelInfo, modelsAnswer } from "../../api/index.ts";
import type { Engine, GradcamOptions } from "./engine.ts";
import type { Answer, FromWorker, Question, QuestionName, ToWorker } from "./worker.ts";

/** Where the shipped checkpoints lie, beside the page; `index.json` lists them. */
const BASE = new URL("models", document.baseURI).href;
/** How many maps of a part are shown. */
const MAPS = 32;

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

export class BrowserEngine implements Engine {
  readonly kind = "browser";
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #list: Promise<readonly ModelInfo[]> | undefined;
  #lastId = 0;

  models(): Promise<readonly ModelInfo[]> {
    return (this.#list ??= fetchList());
  }

  async model(name: string) {
    const model = (await this.models()).find((each) => each.name === name);
    if (!model) throw new Error(`There is no network “${name}” beside this page.`);
    return { model, ...(await this.#ask("describe", { model: name })) };
  }

  classify(picture: Blob, model: string, signal: AbortSignal) {
    return this.#ask("classify", { model, picture }, signal);
  }

  features(picture: Blob, model: string, part: string, signal: AbortSignal) {
    return this.#ask("features", { model, picture, part, limit: MAPS }, signal);
  }

  gradcam(picture: Blob, model: string, { class: index, part, signal }: GradcamOptions) {
    return this.#ask("gradcam", { model, picture, class: index, part }, signal);
  }

  attention(picture: Blob, model: string, signal: AbortSignal) {
    return this.#ask("attention", { model, picture }, signal);
  }

  receptiveField(model: string, part: string, signal: AbortSignal) {
    return this.#ask("receptiveField", { model, part }, signal);
  }

  async lineage() {
    return lineageOf(await this.models());
  }

  /** Loading WebAssembly and opening the first session take seconds. */
  async warm(model: string) {
    await this.#ask("warm", { model });
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail(new Error("Another engine computes now."));
  }

  #ask<N extends QuestionName>(
    name: N,
    about: Omit<Question<N>, "base">,
    signal?: AbortSignal,
  ): Promise<Answer<N>> {
    this.#worker ??= this.#open();
    const worker = this.#worker;
    const id = ++this.#lastId;
    const tell = (message: ToWorker) => worker.postMessage(message);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => tell({ type: "forget", id }), { once: true });
      tell({ type: "ask", id, name, about: { ...about, base: BASE } as Question<QuestionName> });
    });
  }

  #open(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "networks" });
    worker.onmessage = ({ data: { id, answer, failure } }: MessageEvent<FromWorker>) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) waiting?.resolve(answer as never);
      else waiting?.reject(new Error(failure));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      // The next question gets a new one.
      worker.terminate();
      this.#worker = undefined;
      this.#fail(
        new Error(`The networks could not be started in this page: ${event.message ?? "no reason given"}.`),
      );
    };
    return worker;
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

async function fetchList(): Promise<readonly ModelInfo[]> {
  const response = await fetch(`${BASE}/index.json`);
  const list = response.ok ? modelsAnswer.safeParse(await response.json().catch(() => undefined)) : undefined;
  if (list?.success) return list.data.models;
  throw new Error(
    "There are no networks beside this page: the folder “models” with its index.json is missing.",
  );
}
