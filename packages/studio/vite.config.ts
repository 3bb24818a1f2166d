import { defineConfig } from "vite";

/**
 * The web app. URLs are relative, so that the built folder works under any path; ONNX Runtime's WebAssembly is beside
 * the scripts, and nothing is loaded from other hosts.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  publicDir: false,
  // The page uses WebAssembly only: ONNX Runtime's WebGPU build would add 27 MB.
  resolve: { alias: { "onnxruntime-web/webgpu": "onnxruntime-web/wasm" } },
  // Off whatever NODE_ENV says: development mode writes source paths into the page.
  oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
  // Class names are the names of layers, in the page and in messages.
  worker: { format: "es", rolldownOptions: { output: { keepNames: true } } },
  build: { outDir: "dist-app", emptyOutDir: true, target: "es2023", reportCompressedSize: false },
});
