/** The page computes by itself: the vision package in a worker, on ONNX Runtime's WebAssembly. */
import { lineageOf, type ModelInfo, modelsAnswer } from "../../api/index.ts";
import type { Engine, GradcamOptions } from "./engine.ts";
import { BASE, WorkerLink } from "./link.ts";
import { PageTraining } from "./training.ts";

/** How many maps of a part are shown. */
const MAPS = 32;

export class BrowserEngine implements Engine {
  readonly kind = "browser";
  readonly #networks = new WorkerLink("networks");
  readonly #trained: ModelInfo[] = [];
  readonly training = new PageTraining(this.#networks, (model) => this.#trained.push(model));
  #list: readonly ModelInfo[] | undefined;

  async models(): Promise<readonly ModelInfo[]> {
    this.#list ??= await fetchList();
    return [...this.#trained, ...this.#list];
  }

  async model(name: string) {
    const model = (await this.models()).find((each) => each.name === name);
    if (!model) throw new Error(`There is no network “${name}” beside this page.`);
    return { model, ...(await this.#networks.ask("describe", { model: name })) };
  }

  classify(picture: Blob, model: string, signal: AbortSignal) {
    return this.#networks.ask("classify", { model, picture }, { signal });
  }

  features(picture: Blob, model: string, part: string, signal: AbortSignal) {
    return this.#networks.ask("features", { model, picture, part, limit: MAPS }, { signal });
  }

  gradcam(picture: Blob, model: string, { class: index, part, signal }: GradcamOptions) {
    return this.#networks.ask("gradcam", { model, picture, class: index, part }, { signal });
  }

  attention(picture: Blob, model: string, signal: AbortSignal) {
    return this.#networks.ask("attention", { model, picture }, { signal });
  }

  receptiveField(model: string, part: string, signal: AbortSignal) {
    return this.#networks.ask("receptiveField", { model, part }, { signal });
  }

  async lineage() {
    return lineageOf(await this.models());
  }

  /** Loading WebAssembly and opening the first session take seconds. */
  async warm(model: string) {
    await this.#networks.ask("warm", { model });
  }

  close(): void {
    this.training.close("The run ended here: this page was told to leave computing to the server.");
    this.#networks.close("Another engine computes now.");
  }
}

async function fetchList(): Promise<readonly ModelInfo[]> {
  const response = await fetch(`${BASE}/index.json`).catch(() => undefined);
  const list = modelsAnswer.safeParse(response?.ok && (await response.json().catch(() => undefined)));
  if (list.success) return list.data.models;
  throw new Error(
    "There are no networks beside this page: the folder “models” with its index.json is missing.",
  );
}
