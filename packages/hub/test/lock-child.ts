import { readFile, writeFile } from "node:fs/promises";
import { withFileLock } from "../src/lock.ts";

// Increments a counter file under a lock: node lock-child.ts LOCK COUNTER TIMES
const [lock, counter, times] = process.argv.slice(2);
for (let i = 0; i < Number(times); i++) {
  await withFileLock(lock!, {}, async () => {
    const before = Number(await readFile(counter!, "utf8"));
    await writeFile(counter!, String(before + 1));
  });
}
