/** Property-based tests use the same cases in every run; `TESSERA_SEED=N npm test` generates others. */
import fc from "fast-check";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    seed: number;
  }
}

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: inject("seed") });
