/** A stream of 10,000 frames: its memory stays flat. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Image } from "@tessera-ml/media";
import { expect, test } from "vitest";
import { picture, predictor } from "./tiny-video.ts";

const FRAMES = 10_000;
/** MiB that may come and go. */
const SLACK = 24;

test.skipIf(process.env.TESSERA_SLOW !== "1")(
  "memory is flat over 10,000 frames",
  async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = async () => {
      for (let i = 0; i < 3; i++) {
        collect();
        await new Promise((done) => setTimeout(done, 20));
      }
      const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
      return { held: (heapUsed + arrayBuffers) / 2 ** 20, rss: rss / 2 ** 20 };
    };
    const frames = Array.from({ length: 20 }, (_, i) => picture(i));
    const stream = predictor.stream();
    const samples: { held: number; rss: number }[] = [];
    for (let i = 0; i < FRAMES; i++) {
      const { objects } = await stream.push(frames[i % frames.length] as Image);
      expect(objects.length).toBe(stream.objects.length);
      if (i % 500 === 0) await stream.addPoints("a", [[30, 20]], [1]);
      if (i % 500 === 200) await stream.addBox("b", [10, 10, 40, 30]);
      if (i % 500 === 400) await stream.remove("b");
      if (i % 1000 === 999) samples.push(await used());
    }
    console.log(samples.map(({ held, rss }) => `${held.toFixed(1)} / ${rss.toFixed(0)} MiB`).join(", "));
    const [first, last] = [samples[0], samples.at(-1)] as [(typeof samples)[0], (typeof samples)[0]];
    expect(last.held - first.held).toBeLessThan(SLACK);
    expect(last.rss - first.rss).toBeLessThan(4 * SLACK);
  },
  3_600_000,
);
