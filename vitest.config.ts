import { availableParallelism } from "node:os";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumPath } from "./tools/chromium.ts";

const common = {
  // Against hangs, not to measure: a busy machine may take its time.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  setupFiles: ["./tools/seed.ts"],
  provide: { seed: Number(process.env.TESSERA_SEED ?? 1989) },
};

export default defineConfig({
  test: {
    reporters: ["default", "./tools/reporter.ts"],
    projects: [
      {
        test: {
          ...common,
          name: "node",
          include: ["packages/*/test/**/*.test.ts", "tools/*.test.ts"],
          pool: "forks",
          // ONNX Runtime's two threads spin while they wait: two workers on two cores were 1.2 to 1.6x slower than one.
          maxWorkers: Math.max(1, Math.floor(availableParallelism() / 2)),
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Dependencies met halfway through a run would be bundled then, and the page reloaded under its tests.
        optimizeDeps: { noDiscovery: true, include: ["fast-check"] },
        server: {
          // SharedArrayBuffer, and so more than one thread in WebAssembly, exists only on isolated pages.
          headers: {
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
          },
        },
        test: {
          ...common,
          name: "browser",
          include: ["packages/*/test/portable/**/*.test.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: chromiumPath(),
                // WebGPU on machines without a graphics card, computed by Chromium's own software renderer.
                args: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
              },
            }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
