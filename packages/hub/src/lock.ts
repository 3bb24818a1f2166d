import { statSync, unlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "./error.ts";

const SQLITE_BUSY = 5;

function inode(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/**
 * SQLite provides what Node lacks: a lock that the operating system releases when its holder dies. A lock file left by
 * a killed process therefore never blocks others, and staleness needs no timeout.
 */
function tryLock(path: string): (() => void) | undefined {
  try {
    // Create exclusively, never open an existing file: on POSIX, closing a second descriptor drops the locks this
    // process holds on the file.
    writeFileSync(path, "", { flag: "wx" });
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
  const before = inode(path);
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    // If the last holder removed the file while we were opening it, our lock is on a file that no longer has a name.
    if (before !== undefined && inode(path) === before) {
      return () => {
        try {
          unlinkSync(path); // while still locked, so that no other process can lock the removed file
        } catch {
          // Windows does not remove an open file; an empty lock file is harmless.
        }
        database.close();
      };
    }
  } catch (error) {
    const busy = error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
    if (!busy) {
      database.close();
      throw error;
    }
  }
  database.close();
  return undefined;
}

/**
 * Runs `body` while holding the lock `path` exclusively, among all processes on this machine and within this one.
 * `onWait` is called repeatedly while waiting for the lock.
 */
export async function withFileLock<T>(
  path: string,
  options: { signal?: AbortSignal | undefined; onWait?: (() => void) | undefined },
  body: () => Promise<T>,
): Promise<T> {
  let release = tryLock(path);
  while (!release) {
    options.onWait?.();
    await sleep(50 + Math.random() * 100, undefined, { signal: options.signal });
    release = tryLock(path);
  }
  try {
    return await body();
  } finally {
    release();
  }
}
