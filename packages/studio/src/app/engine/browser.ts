/** The page computes by itself: the vision package in a worker, on ONNX Runtime's WebAssembly. */
import type { Engine } from "./engine.ts";

export class BrowserEngine implements Engine {
  readonly kind = "browser";
  async models(): Promise<never> {
    throw new Error("not yet");
  }
  async model(): Promise<never> {
    throw new Error("not yet");
  }
  async classify(): Promise<never> {
    throw new Error("not yet");
  }
  async features(): Promise<never> {
    throw new Error("not yet");
  }
  async gradcam(): Promise<never> {
    throw new Error("not yet");
  }
  async attention(): Promise<never> {
    throw new Error("not yet");
  }
  async receptiveField(): Promise<never> {
    throw new Error("not yet");
  }
  async lineage(): Promise<never> {
    throw new Error("not yet");
  }
  close() {}
}
