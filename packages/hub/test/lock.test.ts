import { execFile } from "node:child_process";
import { existsSync, unlinkSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { expect, it, vi } from "vitest";
import { withFileLock } from "../src/lock.ts";
import { scratch } from "./scratch.ts";

it("returns the result of the body and releases the lock if it throws", async () => {
  const folder = await scratch();
  const lock = join(folder, "lock");
  expect(await withFileLock(lock, {}, async () => 7)).toBe(7);
  const failing = withFileLock(lock, {}, async () => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await readdir(folder)).toEqual([]);
  expect(await withFileLock(lock, {}, async () => 8)).toBe(8);
});

it("admits one holder at a time", async () => {
  const lock = join(await scratch(), "lock");
  let inside = 0;
  let most = 0;
  const body = async () => {
    most = Math.max(most, ++inside);
    await new Promise((done) => setTimeout(done, 10));
    inside--;
  };
  await Promise.all(Array.from({ length: 5 }, () => withFileLock(lock, {}, body)));
  expect(most).toBe(1);
});

it("retries if the lock file was removed while being opened", async () => {
  const lock = join(await scratch(), "lock");
  // The last holder removes the file just after we open it.
  const { exec } = DatabaseSync.prototype;
  const spy = vi.spyOn(DatabaseSync.prototype, "exec").mockImplementationOnce(function (
    this: DatabaseSync,
    sql,
  ) {
    unlinkSync(lock);
    exec.call(this, sql);
  });
  const held = await withFileLock(lock, {}, async () => existsSync(lock));
  expect(spy).toHaveBeenCalledTimes(2);
  spy.mockRestore();
  expect(held).toBe(true);
});

it("excludes other processes, even as its file comes and goes", async () => {
  const folder = await scratch();
  const counter = join(folder, "counter");
  await writeFile(counter, "0");
  const script = join(import.meta.dirname, "lock-child.ts");
  const run = () => promisify(execFile)(process.execPath, [script, join(folder, "lock"), counter, "200"]);
  await Promise.all([run(), run(), run(), run()]);
  expect(await readFile(counter, "utf8")).toBe("800");
  expect(await readdir(folder)).toEqual(["counter"]);
});

it("passes on errors of the folder", async () => {
  await expect(withFileLock("/nowhere/at/all/lock", {}, async () => 1)).rejects.toThrow("ENOENT");
});
