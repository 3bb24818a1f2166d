import { statSync, unlinkSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "./error.ts";

const SQLITE_BUSY = 5;

function inode(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/**
 * SQLite is used for the one thing Node lacks: a lock the operating system itself takes back when its holder
 * dies. A lock file left by a killed process therefore never blocks anybody, and no clock decides what is stale.
 */
function tryLock(path: string): (() => void) | undefined {
  try {
    // Created exclusively, never opened when it exists: closing a second descriptor of a file drops the locks
    // this process holds on it (POSIX).
    writeFileSync(path, "", { flag: "wx" });
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
  const before = inode(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    // Its last holder may have removed the file while we opened it: then ours is a lock on nothing.
    if (before !== undefined && inode(path) === before) {
      return () => {
        try {
          unlinkSync(path); // while still locked, so that nobody can hold the file that vanishes
        } catch {
          // Windows does not remove an open file; an empty lock file does no harm.
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
 * Runs `body` while no other holder of `path`, in this process or another on this machine, runs theirs.
 * `onWait` is called again and again while somebody else holds it.
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
