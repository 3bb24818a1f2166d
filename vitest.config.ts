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

const PORTABLE = "packages/*/test/portable/**/*.test.ts";
const SLOW = ["**/node_modules/**", "**/*.slow.test.ts"];
/** `npm run test:quick`. */
const quick = process.env.TESSERA_QUICK === "1";

const quickPortable = {
  test: {
    ...common,
    name: "quick-portable",
    include: [PORTABLE],
    exclude: SLOW,
    // A third of the time of small tests goes into loading the same modules again.
    isolate: false,
    pool: "forks" as const,
    maxWorkers: availableParallelism(),
    sequence: { groupOrder: 1 },
  },
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
          ...(quick && { exclude: [...SLOW, PORTABLE] }),
          pool: "forks",
          // ONNX Runtime's two threads spin while they wait: two workers on two cores were 1.2 to 1.6x slower than one.
          // The quick tests have one thread each instead.
          maxWorkers: quick ? availableParallelism() : Math.max(1, Math.floor(availableParallelism() / 2)),
          sequence: { groupOrder: 0 },
        },
      },
      ...(quick ? [quickPortable] : []),
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
          include: [PORTABLE],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
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
