/** Chart axes: scales and ticks. */

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
  readonly ticks: readonly number[];
  /** 0 at `low`, 1 at `high`; NaN for values that a log axis cannot show. */
  readonly place: (value: number) => number;
}

/** An axis that spans all finite values (all positive ones if logarithmic), with round ticks. */
export function makeAxis(values: Iterable<number>, log: boolean, tickCount: number, tight: boolean): Axis {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values)
    if (Number.isFinite(value) && (!log || value > 0)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (low > high) [low, high] = log ? [1, 10] : [0, 1];
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  return log ? logAxis(low, high, tickCount, tight) : linearAxis(low, high, tickCount, tight);
}

function linearAxis(low: number, high: number, tickCount: number, tight: boolean): Axis {
  const step = niceStep((high - low) / tickCount);
  const [first, last] = tight
    ? [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)]
    : [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  // Multiply instead of accumulating, to avoid ticks such as 0.30000000000000004.
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  const [from, to] = tight ? [low, high] : [first * step, last * step];
  return { low: from, high: to, log: false, ticks, place: (value) => (value - from) / (to - from) };
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `step`. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const multiple = step / power;
  return power * (multiple <= 1 ? 1 : multiple <= 2 ? 2 : multiple <= 5 ? 5 : 10);
}

function logAxis(low: number, high: number, tickCount: number, tight: boolean): Axis {
  const decades = Math.log10(high / low);
  const multiples = decades > 2 ? [1] : decades > 0.7 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const every = Math.max(1, Math.ceil(decades / tickCount));
  const first = Math.floor(Math.log10(low));
  const candidates: number[] = [];
  for (let power = first; power <= Math.ceil(Math.log10(high)); power++)
    if ((power - first) % every === 0)
      for (const multiple of multiples) candidates.push(Number(`${multiple}e${power}`));
  const below = candidates.findLast((tick) => tick <= low * (1 + 1e-9)) ?? low;
  const above = candidates.find((tick) => tick >= high * (1 - 1e-9)) ?? high;
  const [from, to] = tight ? [low, high] : [below, above];
  const ticks = candidates.filter((tick) => tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9));
  const span = Math.log(to / from);
  const place = (value: number) => (value > 0 ? Math.log(value / from) / span : Number.NaN);
  return { low: from, high: to, log: true, ticks, place };
}

const UNITS = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** 12000 → "12k", 0.00002 → "2e-5"; otherwise at most four significant digits. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential().replace("e+", "e");
  for (const [unit, letter] of UNITS)
    if (size >= unit * 10 || (size >= unit && value % unit === 0))
      return `${Number((value / unit).toPrecision(4))}${letter}`;
  return String(Number(value.toPrecision(4)));
}
