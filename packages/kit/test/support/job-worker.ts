/** One of two workers of a job, each in a process of its own: `node job-worker.ts FOLDER QUEUE ITEMS`. */
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { runJob } from "../../src/jobs/index.ts";

const [folder = "", queue = "", count = ""] = process.argv.slice(2);
const items = Array.from({ length: Number(count) }, (_, i) => `item ${i}`);

// Begin together, however long either process takes to start.
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, `ready-${process.pid}`), "");
while (readdirSync(folder).filter((file) => file.startsWith("ready-")).length < 2) await setTimeout(20);

const results = await runJob(
  {
    ...{ name: "count", folder, settings: { by: "process" }, items, shardSize: 4 },
    work: async (shard, { finished }) => {
      appendFileSync(join(folder, "log"), `${process.pid} ${shard.index}\n`);
      console.log(`shard ${shard.index}`);
      for (const i of shard.items.keys()) {
        await setTimeout(40);
        finished(i + 1);
      }
      return { shard: shard.index, items: shard.items, by: process.pid };
    },
  },
  { queue, silence: 10 },
);
console.log(JSON.stringify(results));
