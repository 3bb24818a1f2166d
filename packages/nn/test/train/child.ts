/**
 * A run with every kind of state, for the tests that kill it: `node child.ts FOLDER [LAST]`. After LAST batches it
 * waits for Ctrl-C, so that it cannot finish before it is killed.
 */
import { manualSeed } from "@tessera-ml/tensor";
import { AdamW, EMA, fit, schedules } from "../../src/index.ts";
import { accuracyOf, loader, lossOf, Net } from "../support/spirals.ts";

const [folder = ".", last = "Infinity"] = process.argv.slice(2);
const interrupted = new Promise<unknown>((resolve) => process.once("SIGINT", resolve));

manualSeed(5);
const model = new Net();
const data = loader();
const result = await fit({
  model,
  optimizer: new AdamW(model, { lr: schedules.warmUp(10, schedules.cosine({ from: 0.01, steps: 110 })) }),
  ema: new EMA(model, { decay: 0.98 }),
  data: {
    batches: data.batches,
    async *epoch(epoch, from = 0) {
      let before = epoch * data.batches + from;
      for await (const batch of data.epoch(epoch, from)) {
        if (before++ >= Number(last)) {
          // A signal listener alone does not keep the process alive.
          const alive = setInterval(() => {}, 1000);
          await interrupted;
          clearInterval(alive);
        }
        yield batch;
      }
    },
  },
  loss: lossOf(model),
  steps: 120,
  clipNorm: 1,
  evaluate: accuracyOf(model),
  best: { metric: "accuracy", mode: "max" },
  checkpoints: { folder: `${folder}/checkpoints`, every: { steps: 7 } },
  metrics: `${folder}/metrics.jsonl`,
  metricsEvery: 5,
});
console.log(JSON.stringify(result));
