/** `tessera eval` for classifiers: picks a data set, evaluates, prints. Node only. */
import type { Evaluation as AnyEvaluation, EvaluateOptions } from "@tessera-ml/kit";
import { clip, duration, pairs, type Terminal, table, whole } from "@tessera-ml/kit/terminal";
import type { ImageClassifier } from "../pipeline/image-classifier.ts";
import { chooseData, loadPictures } from "./data.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";

/** A classifier's evaluation plus the fields all tasks report. */
export type ClassifierEvaluation = AnyEvaluation & Evaluation;

/** Images per forward pass. */
const BATCH = 50;
/** The full confusion matrix is shown for up to this many classes; beyond it, only the most frequent mistakes. */
const MOST = 12;
const MISTAKES = 8;

/** @throws HubError `absent` if the data set is not on this machine; RangeError if its classes do not match */
export async function evaluateOn(
  classifier: ImageClassifier,
  { data, split: wanted, limit, signal, progress, hubProgress }: EvaluateOptions,
): Promise<ClassifierEvaluation> {
  const set = await chooseData(classifier, data);
  const { pictures, split } = await loadPictures(set, { split: wanted, signal, progress: hubProgress });
  const evaluation = await evaluate(classifier, pictures, {
    limit,
    signal,
    batchSize: BATCH,
    progress: progress && (({ done, total, top1 }) => progress({ done, total, metrics: { top1 } })),
  });
  const { model, top1, top5 } = evaluation;
  return { data: set, split, checkpoint: model, metrics: { top1, top5 }, ...evaluation };
}

export function showEvaluation(evaluation: AnyEvaluation, terminal: Terminal): string {
  const measured = evaluation as ClassifierEvaluation;
  const { model, data, split, count, top1, top5, error, imagesPerSecond, seconds, matrix, classes } =
    measured;
  const summary = pairs([
    ["network", model],
    ["data", `${[data, split].filter(Boolean).join(", ")}: ${whole(count)} pictures`],
    ["top-1", `${top1.toFixed(2)} %, an error of ${error.toFixed(2)} %`],
    ["top-5", `${top5.toFixed(2)} %`],
    ["speed", `${imagesPerSecond.toFixed(0)} pictures/s in the network; ${duration(seconds)} in all`],
  ]);
  const details =
    matrix && classes.length <= MOST
      ? showMatrix(matrix, measured, terminal)
      : showMistakes(measured, terminal);
  return details ? `${summary}\n\n${details}` : summary;
}

function showMatrix(
  matrix: readonly (readonly number[])[],
  { classes }: ClassifierEvaluation,
  { paint }: Terminal,
): string {
  const rows = classes.map(({ index, label }) => [
    label,
    ...classes.map((seen) => String(matrix[index]?.[seen.index] || "·")),
  ]);
  return table(
    [
      { title: "IS ↓ SEEN AS →" },
      ...classes.map(({ label }) => ({ title: clip(label, 7), align: "right" as const })),
    ],
    rows,
    (text) => paint("bold", text),
    (text, column, row) => (column === 0 ? text : paint(column - 1 === row ? "green" : "reset", text)),
  );
}

function showMistakes({ confusions }: ClassifierEvaluation, { paint }: Terminal): string {
  if (confusions.length === 0) return "";
  return table(
    [{ title: "IS" }, { title: "SEEN AS" }, { title: "PICTURES", align: "right" }],
    confusions.slice(0, MISTAKES).map(({ truth, predicted, count }) => [truth, predicted, String(count)]),
    (text) => paint("bold", text),
  );
}
