/** Formats numbers, times and tables for people. Pure text: runs anywhere. */

export type Style = "bold" | "dim" | "reset" | "red" | "green" | "yellow" | "cyan";

/** The terminal text is written to. */
export interface Terminal {
  /** Width in columns. */
  readonly columns: number;
  /** Colours text if the terminal supports it. */
  paint(style: Style, text: string): string;
}

/** 25557032 → "25.6 M". */
export function count(value: number): string {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const)
    if (value >= size) return `${significant(value / size)} ${unit}`;
  return String(value);
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** 25557032 → "25,557,032". */
export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** 3725 seconds → "1 h 2 min". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const all = Math.round(seconds);
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}

export function shape(dims: readonly (number | string)[]): string {
  return `[${dims.join(", ")}]`;
}

export interface Column {
  readonly title: string;
  /** `right` for numbers. */
  readonly align?: "left" | "right";
}

/**
 * A table with titles; columns are as wide as their longest cell. Cells are plain text; `paintTitle` and `paintCell`
 * colour them after padding.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paintTitle: (text: string) => string = (text) => text,
  paintCell: (text: string, column: number, row: number) => string = (text) => text,
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)),
  );
  const pad = (text: string, i: number) =>
    columns[i]?.align === "right" ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0);
  const line = (cells: readonly string[]) => cells.join("  ").trimEnd();
  return [
    paintTitle(line(columns.map(({ title }, i) => pad(title, i)))),
    ...rows.map((row, r) => line(columns.map((_, i) => paintCell(pad(row[i] ?? "", i), i, r)))),
  ].join("\n");
}

/** One name and value per line, with the values aligned. */
export function pairs(entries: readonly (readonly [string, string | undefined])[]): string {
  const known = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const widest = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(widest)}  ${value}`).join("\n");
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `width` columns filled to a fraction, in steps of an eighth of a column. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const text = "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
  return text.padEnd(width);
}

/** Truncates text to `width` columns, ending in an ellipsis. */
export function clip(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}
