/** Progress: a status line on a terminal, an occasional line elsewhere. */
import type { Progress } from "@tessera-ml/hub";
import { bar, duration } from "@tessera-ml/kit/terminal";
import { note, showStatus } from "./output.ts";

/** Verifying files below this many bytes is too quick to report. */
const SOON_VERIFIED = 64 * 2 ** 20;
/** Seconds between two lines if standard error is not a terminal. */
const PAUSE = 20;

let written = performance.now();

/** Reports progress on standard error, so that results stay clean. */
export function report(text: string): void {
  if (process.stderr.isTTY) showStatus(text);
  else if (performance.now() - written >= PAUSE * 1000) {
    written = performance.now();
    note(text);
  }
}

/** `what ████▌     45 %  rate  8 s left` */
export function describeProgress(
  what: string,
  fraction: number | undefined,
  rest: readonly string[],
): string {
  const part =
    fraction === undefined ? [] : [`${bar(fraction, 20)} ${(100 * fraction).toFixed(0).padStart(3)} %`];
  return [what, ...part, ...rest].join("  ");
}

export function timeLeft(seconds: number): string {
  return `${duration(seconds)} left`;
}

/** Shows each file that the hub downloads, verifies or unpacks. */
export function hubProgress(progress: Progress): void {
  // The hub is loaded by now, as it reports; a static import would load it for every command.
  void import("@tessera-ml/hub").then(({ formatBytes }) => showHub(progress, formatBytes));
}

function showHub(
  { phase, file, received, total, bytesPerSecond, secondsLeft }: Progress,
  formatBytes: (bytes: number) => string,
): void {
  if (phase === "verifying" && (total ?? 0) < SOON_VERIFIED) return;
  if (phase === "waiting") {
    report(`${file}  waiting: another process is downloading it`);
    return;
  }
  const amount = (value: number) => (phase === "decoding" ? `${value} pictures` : formatBytes(value));
  const rest = [total === undefined ? amount(received) : `of ${amount(total)}`];
  rest.push(phase === "downloading" ? `${formatBytes(Math.round(bytesPerSecond))}/s` : phase);
  if (secondsLeft) rest.push(timeLeft(secondsLeft));
  report(describeProgress(file, total ? received / total : undefined, rest));
}

/** Measures the speed of a job of equal steps and estimates the time left. */
export function stopwatch(): (done: number, total: number) => { perSecond: number; secondsLeft: number } {
  const begin = performance.now();
  return (done, total) => {
    const seconds = (performance.now() - begin) / 1000;
    const perSecond = seconds > 0 ? done / seconds : 0;
    return { perSecond, secondsLeft: perSecond > 0 ? (total - done) / perSecond : Number.POSITIVE_INFINITY };
  };
}
