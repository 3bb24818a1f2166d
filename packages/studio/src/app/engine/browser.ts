/** The page as an engine: networks run in a worker, on ONNX Runtime's WebAssembly. */
import type * as z from "zod";
import { lineageOf, type ModelInfo, modelsAnswer, type TaskResult, tasksAnswer } from "../../api/index.ts";
import type { Engine, OperateAbout, Question } from "./engine.ts";
import { BASE, WorkerLink } from "./link.ts";
import { PageTraining } from "./training.ts";
import type { Input } from "./worker.ts";

export class BrowserEngine implements Engine {
  readonly kind = "browser";
  readonly #networks = new WorkerLink("networks");
  readonly #trained: ModelInfo[] = [];
  readonly training = new PageTraining(this.#networks, (model) => this.#trained.push(model));
  readonly #inputs = new WeakMap<Blob, Input>();
  #lastInput = 0;
  #shipped: readonly ModelInfo[] | undefined;

  async tasks() {
    return (await fetchList("tasks.json", tasksAnswer)).tasks;
  }

  async models(): Promise<readonly ModelInfo[]> {
    this.#shipped ??= (await fetchList("index.json", modelsAnswer)).models;
    return [...this.#trained, ...this.#shipped];
  }

  async model(name: string) {
    const model = (await this.models()).find((each) => each.name === name);
    if (!model) throw new Error(`This page has no network “${name}”.`);
    return { model, ...(await this.#networks.ask("describe", { task: model.task, model: name })) };
  }

  async ask(...[task, file, options, { models, signal, progress } = {}]: Parameters<Engine["ask"]>) {
    const names = models ?? [await this.#firstOf(task.name)];
    const results: TaskResult[] = [];
    for (const [done, model] of names.entries()) {
      progress?.({ what: model, done, total: names.length });
      const about = { task: task.name, model, options, input: this.#inputOf(file) };
      results.push(await this.#networks.ask("run", about, { signal }));
    }
    return results;
  }

  async operate<T>({ task, name, answer }: Question<T>, about: OperateAbout): Promise<T> {
    const { model, input, request = {}, signal } = about;
    const asked = { task, operation: name, model, request, ...(input && { input: this.#inputOf(input) }) };
    return answer.parse(await this.#networks.ask("operate", asked, { signal }));
  }

  async lineage() {
    return lineageOf(await this.models());
  }

  /** Loading WebAssembly and opening the first session take seconds. */
  async warm(name: string) {
    const model = (await this.models()).find((each) => each.name === name);
    if (model) await this.#networks.ask("warm", { task: model.task, model: name });
  }

  close(): void {
    this.training.close("The run stopped: networks now run on the server.");
    this.#networks.close("Networks now run on the server.");
  }

  /** The worker gets a new `Blob` with every message; the id tells it that the file is the same. */
  #inputOf(file: Blob): Input {
    const input = this.#inputs.get(file) ?? { id: ++this.#lastInput, file };
    this.#inputs.set(file, input);
    return input;
  }

  async #firstOf(task: string): Promise<string> {
    const model = (await this.models()).find((each) => each.task === task);
    if (!model) throw new Error(`This page has no network for ${task}.`);
    return model.name;
  }
}

async function fetchList<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const response = await fetch(`${BASE}/${file}`).catch(() => undefined);
  const list = schema.safeParse(response?.ok && (await response.json().catch(() => undefined)));
  if (list.success) return list.data;
  throw new Error(`This page has no networks: the file models/${file} beside it is missing or damaged.`);
}
