/** How far a command is: one line that changes on a terminal, a line now and then elsewhere. */
import type { Progress } from "@tessera-ml/hub";
import { bar, duration } from "@tessera-ml/kit/terminal";
import { note, showStatus } from "./output.ts";

/** Files below this many bytes are verified in a moment: saying so would only flicker. */
const SOON_VERIFIED = 64 * 2 ** 20;
/** Seconds between two lines where the line cannot be changed. */
const PAUSE = 20;

let written = performance.now();

/** On the error stream, so that results stay clean. */
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

/** Shows what the hub does: each file while it is fetched, verified or unpacked. */
export function hubProgress(progress: Progress): void {
  // It is the hub that reports, so it is loaded; importing it at the top would load it for every command.
  void import("@tessera-ml/hub").then(({ formatBytes }) => showHub(progress, formatBytes));
}

function showHub(
  { phase, file, received, total, bytesPerSecond, secondsLeft }: Progress,
  formatBytes: (bytes: number) => string,
): void {
  if (phase === "verifying" && (total ?? 0) < SOON_VERIFIED) return;
  if (phase === "waiting") {
    report(`${file}  another process is fetching it: waiting`);
    return;
  }
  const amount = (value: number) => (phase === "decoding" ? `${value} pictures` : formatBytes(value));
  const rest = [total === undefined ? amount(received) : `of ${amount(total)}`];
  rest.push(phase === "downloading" ? `${formatBytes(Math.round(bytesPerSecond))}/s` : phase);
  if (secondsLeft) rest.push(timeLeft(secondsLeft));
  report(describeProgress(file, total ? received / total : undefined, rest));
}

/** Tells how fast work of equal parts goes, and when it will be done. */
export function stopwatch(): (done: number, total: number) => { perSecond: number; secondsLeft: number } {
  const begin = performance.now();
  return (done, total) => {
    const seconds = (performance.now() - begin) / 1000;
    const perSecond = seconds > 0 ? done / seconds : 0;
    return { perSecond, secondsLeft: perSecond > 0 ? (total - done) / perSecond : Number.POSITIVE_INFINITY };
  };
}
