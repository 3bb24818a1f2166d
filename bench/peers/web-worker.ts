/**
 * The browser's `Worker` on Node's worker threads: without it, jax-js runs single-threaded in Node. Supports only
 * scripts from `URL.createObjectURL`, which is all that jax-js uses. Import it before jax-js.
 */
import { Worker as NodeWorker } from "node:worker_threads";

const scripts = new Map<string, Promise<string>>();
const createObjectUrl = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  const url = createObjectUrl(blob as Blob);
  scripts.set(url, (blob as Blob).text());
  return url;
};

/** A browser worker's globals in terms of Node's. */
const prelude = `
const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on("message", (data) => self.onmessage({ data }));
`;

class WebWorker {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((error: Error) => void) | null = null;
  readonly #worker: Promise<NodeWorker>;

  constructor(url: string) {
    this.#worker = this.#start(url);
  }

  postMessage(message: unknown): void {
    void this.#worker.then((worker) => worker.postMessage(message));
  }

  terminate(): void {
    void this.#worker.then((worker) => worker.terminate());
  }

  async #start(url: string): Promise<NodeWorker> {
    const worker = new NodeWorker(prelude + (await scripts.get(url)!), { eval: true });
    worker.on("message", (data) => this.onmessage?.({ data }));
    worker.on("error", (error: Error) => this.onerror?.(error));
    return worker;
  }
}

const threads = Number(process.argv[2]);
if (threads > 1) {
  Object.defineProperty(globalThis, "Worker", { value: WebWorker });
  Object.defineProperty(navigator, "hardwareConcurrency", { value: threads }); // the number of workers
}
