/** Backend selection in the browser. */
import type { Backend, BackendOptions } from "./backend.ts";
import { openWeb } from "./ort-web.ts";

/**
 * Opens a backend: WebAssembly unless the options request `webgpu`. Its files are loaded from next to the
 * script, where bundlers put them (Vite 8 needs no configuration), or from `wasmPaths`. Threads require a
 * cross-origin isolated page.
 */
export async function openBackend(options: BackendOptions = {}): Promise<Backend> {
  // Two builds, as the one with WebGPU is twice the download.
  if (options.device !== "webgpu") return openWeb(await import("onnxruntime-web/wasm"), options);
  if (!("gpu" in navigator)) throw new Error("cannot open device webgpu: this page has no navigator.gpu");
  return openWeb(await import("onnxruntime-web/webgpu"), options);
}
