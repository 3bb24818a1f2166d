/** Where graphs run in a browser. */
import type { Backend, BackendOptions } from "./backend.ts";
import { openWeb } from "./ort-web.ts";

/**
 * Opens a backend: WebAssembly unless the options ask for `webgpu`. Its files lie beside the script, where
 * bundlers put them (Vite 8 does without any setting); `wasmPaths` names another place. Threads need a page
 * that is cross-origin isolated.
 */
export async function openBackend(options: BackendOptions = {}): Promise<Backend> {
  // Two builds: the one with WebGPU is twice as large to download.
  if (options.device !== "webgpu") return openWeb(await import("onnxruntime-web/wasm"), options);
  if (!("gpu" in navigator))
    throw new Error("device webgpu cannot be opened: this page has no navigator.gpu");
  return openWeb(await import("onnxruntime-web/webgpu"), options);
}
