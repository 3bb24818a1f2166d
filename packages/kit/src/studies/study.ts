/** A study: a paper's claim as an experiment that takes minutes and produces curves. */
import type * as z from "zod";
import type { OptionValues } from "../options.ts";

export interface Curve {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logY?: boolean;
  readonly curves: readonly Curve[];
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** One claim of the paper, and what was observed here. */
export interface Finding {
  /** The paper's claim with its own figures, in our words. */
  readonly paper: string;
  /** What was measured here. */
  readonly here: string;
  /** Whether the claim was observed in this experiment. */
  readonly holds: boolean;
}

export interface StudyResult {
  readonly study: string;
  readonly title: string;
  readonly plots: readonly Plot[];
  readonly tables: readonly Table[];
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

export interface StudyOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Fraction of the usual training, for a quick look; default 1. */
  readonly scale?: number;
  /** Values of the study's own options, by name. */
  readonly options?: OptionValues;
  /** Where a study of long trainings keeps its runs: the same study resumes from it. Default: a temporary folder. */
  readonly folder?: string;
  /** Called for each step with a line of text and the fraction completed. */
  readonly progress?: (text: string, done: number) => void;
  readonly signal?: AbortSignal;
}

export interface Study {
  readonly name: string;
  readonly title: string;
  /** The claim in one sentence. */
  readonly claim: string;
  readonly paper: string;
  /** Measured on two cores. */
  readonly minutes: number;
  /** Options of this study alone, as flags of `tessera study NAME`. */
  readonly options?: z.ZodObject;
  run(options?: StudyOptions): Promise<StudyResult>;
}
