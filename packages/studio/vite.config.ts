import { defineConfig } from "vite";

/**
 * The web app. Addresses are relative, so that the built folder works under any path of any host; ONNX Runtime's
 * WebAssembly lies beside the scripts, nothing is loaded from elsewhere.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  publicDir: false,
  // The page computes by WebAssembly alone: the build of ONNX Runtime for WebGPU would be another 27 MB.
  resolve: { alias: { "onnxruntime-web/webgpu": "onnxruntime-web/wasm" } },
  // Without what helps debugging, whatever NODE_ENV says: it writes the paths of the sources into the page.
  oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
  // Layers are shown, and named in messages, by the names of their classes.
  worker: { format: "es", rolldownOptions: { output: { keepNames: true } } },
  build: { outDir: "dist-app", emptyOutDir: true, target: "es2023", reportCompressedSize: false },
});
