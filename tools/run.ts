import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The repository's root folder. */
export const root: string = join(import.meta.dirname, "..");

/** Runs a command in the same terminal; if it fails, exits with its exit code. */
export function run(command: string, args: readonly string[]): void {
  const { status, signal, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error) throw error;
  if (signal) console.error(`${command} ended by ${signal}`);
  if (status !== 0) process.exit(status ?? 1);
}
