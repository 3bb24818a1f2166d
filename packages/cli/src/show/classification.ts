/** Classes with their probabilities as bars. */
import { basename } from "node:path";
import type { Classification } from "@tessera-ml/vision";
import { bar, clip, duration } from "../format.ts";
import { columns, paint } from "../output.ts";

/** One picture as all networks see it. */
export function showClassifications(name: string, results: readonly Classification[]): string {
  const [first] = results;
  if (!first) return name;
  const { width, height } = first.image;
  const title = `${paint("bold", basename(name) || name)}  ${paint("dim", `${width} × ${height}`)}`;
  const widths = layout(results);
  return [title, ...results.map((result) => `${rows(result, widths)}\n`)].join("\n").trimEnd().concat("\n");
}

/** One picture and its one answer on a line of their own: for many pictures. */
export function showAnswer(name: string, { predictions }: Classification, widest: number): string {
  const [best] = predictions;
  const width = Math.min(widest, 44);
  const title = clip(basename(name) || name, width).padEnd(width);
  const probability = best?.probability ?? 0;
  const share = `${(100 * probability).toFixed(1)} %`.padStart(8);
  return `${title}  ${paint("green", bar(probability, 10))}${share}  ${paint("bold", best?.label ?? "")}`;
}

interface Widths {
  readonly label: number;
  readonly bar: number;
}

/** Labels get what they need, bars the rest, within 80 columns or the terminal. */
function layout(results: readonly Classification[]): Widths {
  const room = Math.min(columns(), 84) - 12;
  const longest = Math.max(
    ...results.flatMap(({ predictions }) => predictions.map(({ label }) => label.length)),
  );
  const label = Math.min(longest, Math.max(12, Math.floor(room * 0.55)));
  return { label, bar: Math.max(8, Math.min(40, room - label)) };
}

function rows({ model, milliseconds, predictions }: Classification, widths: Widths): string {
  const lines = predictions.map(({ label, probability }, rank) => {
    const text = clip(label, widths.label).padEnd(widths.label);
    const share = `${(100 * probability).toFixed(1)} %`.padStart(8);
    const full = bar(probability, widths.bar);
    return `  ${rank === 0 ? paint("bold", text) : text}  ${paint(rank === 0 ? "green" : "cyan", full)}${share}`;
  });
  return [`  ${paint("dim", `${model}, ${duration(milliseconds / 1000)}`)}`, ...lines].join("\n");
}
