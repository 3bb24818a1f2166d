/** Turns a study's measurements into a `Study`: scale, seed, progress and timing are common to all. */
import type * as z from "zod";
import { parseOptions } from "../options.ts";
import type { Study, StudyOptions, StudyResult } from "./study.ts";

/** What a study measures with. Systems extend it with their own data. */
export class StudyContext {
  readonly scale: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly #progress: (text: string, done: number) => void;

  constructor({ scale = 1, seed = 0, signal, progress = () => {} }: StudyOptions) {
    if (!(scale > 0)) throw new RangeError(`study: expected a scale above 0, got ${scale}`);
    this.scale = scale;
    this.seed = seed;
    this.signal = signal;
    this.#progress = progress;
  }

  /** Reports the current step and the fraction completed. @throws the signal's reason if aborted */
  say(text: string, done: number): void {
    this.signal?.throwIfAborted();
    this.#progress(text, done);
  }
}

export type StudyMeasured = Pick<StudyResult, "plots" | "tables" | "findings">;

export interface StudyDefinition<S extends z.ZodObject> extends Omit<Study, "run" | "options"> {
  readonly options?: S;
  readonly measure: (context: StudyOptions & { readonly options: z.output<S> }) => Promise<StudyMeasured>;
}

export function defineStudy<S extends z.ZodObject = z.ZodObject>({
  measure,
  ...about
}: StudyDefinition<S>): Study {
  return {
    ...about,
    async run(given = {}) {
      const start = performance.now();
      const options = parseOptions(about.name, about.options, given.options);
      const measured = await measure({ ...given, options });
      const { name: study, title } = about;
      return { study, title, ...measured, seconds: (performance.now() - start) / 1000 };
    },
  };
}
