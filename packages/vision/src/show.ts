/** Renders predictions as bars for a terminal. */
import { bar, clip, duration, type Terminal } from "@tessera-ml/kit/terminal";
import type { Classification } from "./pipeline/types.ts";

/** The answers of all networks for one image; a single line if there is one network and one class. */
export function show(
  name: string,
  answers: readonly Classification[],
  terminal: Terminal,
  widest: number = name.length,
): string {
  const [first] = answers;
  if (!first) return name;
  if (answers.length === 1 && first.predictions.length === 1)
    return showBriefly(name, first, widest, terminal);
  const { width, height } = first.image;
  const title = `${terminal.paint("bold", name)}  ${terminal.paint("dim", `${width} × ${height}`)}`;
  const widths = layout(answers, terminal.columns);
  return [title, ...answers.map((answer) => `${rows(answer, widths, terminal)}\n`)]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function showBriefly(
  name: string,
  { predictions }: Classification,
  widest: number,
  { paint }: Terminal,
): string {
  const [best] = predictions;
  const width = Math.min(widest, 44);
  const probability = best?.probability ?? 0;
  const share = `${(100 * probability).toFixed(1)} %`.padStart(8);
  return `${clip(name, width).padEnd(width)}  ${paint("green", bar(probability, 10))}${share}  ${paint("bold", best?.label ?? "")}`;
}

interface Widths {
  readonly label: number;
  readonly bar: number;
}

/** Labels get the width they need and bars the rest, within 84 columns or the terminal. */
function layout(answers: readonly Classification[], columns: number): Widths {
  const room = Math.min(columns, 84) - 12;
  const longest = Math.max(
    ...answers.flatMap(({ predictions }) => predictions.map(({ label }) => label.length)),
  );
  const label = Math.min(longest, Math.max(12, Math.floor(room * 0.55)));
  return { label, bar: Math.max(8, Math.min(40, room - label)) };
}

function rows(
  { model, milliseconds, predictions }: Classification,
  widths: Widths,
  { paint }: Terminal,
): string {
  const lines = predictions.map(({ label, probability }, rank) => {
    const text = clip(label, widths.label).padEnd(widths.label);
    const share = `${(100 * probability).toFixed(1)} %`.padStart(8);
    const full = bar(probability, widths.bar);
    return `  ${rank === 0 ? paint("bold", text) : text}  ${paint(rank === 0 ? "green" : "cyan", full)}${share}`;
  });
  return [`  ${paint("dim", `${model}, ${duration(milliseconds / 1000)}`)}`, ...lines].join("\n");
}
