/** What a study is: a claim of a paper, as an experiment of minutes whose curves a person can look at. */

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

/** One thing the paper says, and what was seen here. */
export interface Finding {
  /** What the paper claims, with its own figures, in our words. */
  readonly paper: string;
  /** What was measured here. */
  readonly here: string;
  /** Whether the claim was seen in this experiment. */
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
  /** A fraction of the usual training, for a quick look: 1 by default. */
  readonly scale?: number;
  /** A line of text for each thing that is done, and how much of the whole is behind. */
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
  run(options?: StudyOptions): Promise<StudyResult>;
}
