/** Runs the real command as a child process. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, onTestFinished } from "vitest";

const MAIN = resolve(import.meta.dirname, "../bin/tessera.js");

export interface Ended {
  readonly out: string;
  readonly err: string;
  /** The exit code, or the signal that killed the process. */
  readonly code: number | string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  readonly cwd?: string;
  readonly onStart?: (child: ChildProcess) => void;
  /** Called with each chunk of output. */
  readonly onOutput?: (text: string, child: ChildProcess) => void;
}

/** Undefined values are not passed on. */
const SETTINGS = { NO_COLOR: "1", FORCE_COLOR: undefined, TESSERA_OFFLINE: "1", TESSERA_DEBUG: undefined };

/**
 * Runs `tessera WORDS`, cut off from the network (downloads come from `env.TESSERA_HUB`) and from the user's cache.
 */
export async function tessera(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...process.env, ...SETTINGS, TESSERA_CACHE: cache, ...options.env },
  });
  // For tests that time out.
  onTestFinished(() => void child.kill("SIGKILL"));
  options.onStart?.(child);
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    options.onOutput?.(text, child);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    options.onOutput?.(text, child);
  });
  child.stdin.on("error", () => {}); // a command that reads nothing
  child.stdin.end(options.stdin);
  const code = await new Promise<number | string>((done) =>
    child.on("close", (code, signal) => done(code ?? signal ?? "no code")),
  );
  return { out, err: err.replaceAll(PROGRESS, ""), code };
}

/** The progress line with its bar, written every twenty seconds. */
const PROGRESS = /^.* {2}[█▏▎▍▌▋▊▉ ]{20} +\d+ %.*\n/gm;

/** A folder for one test file, removed afterwards. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tessera-cli-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const cache = await scratch();
