/** Clips that are made of photographs. */
import { HostRandom } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { drawClip } from "../src/training/clips.ts";
import {
  backgroundMask,
  canvas,
  drawBackground,
  drawThing,
  mapOf,
  type Pose,
  wholeArea,
} from "../src/training/draw.ts";
import type { Photograph, Thing } from "../src/training/photographs.ts";
import { sceneSamples } from "../src/training/samples.ts";

/** A disc in the middle of a photograph of one colour. */
function photograph(colour: readonly [number, number, number], radius = 15): Photograph {
  const [width, height] = [80, 60];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!);
  const side = 2 * radius + 1;
  const mask = Uint8Array.from({ length: side * side }, (_, i) =>
    (Math.floor(i / side) - radius) ** 2 + ((i % side) - radius) ** 2 <= radius ** 2 ? 1 : 0,
  );
  const area = mask.reduce((sum, value) => sum + value, 0);
  const thing: Thing = {
    left: 40 - radius,
    top: 30 - radius,
    width: side,
    height: side,
    mask,
    area,
    whole: true,
  };
  return { width, height, pixels, things: [thing] };
}

const photographs = [photograph([200, 30, 30]), photograph([30, 200, 30], 10), photograph([30, 30, 200], 20)];
const draw = (seed: number, frames: number) => {
  const random = new HostRandom(seed);
  return drawClip(photographs, photographs[0]!, { side: 64, frames, objects: 2 }, () => random.next());
};

test("a seed makes the same clip, another seed another", () => {
  expect(draw(1, 3)).toEqual(draw(1, 3));
  expect(draw(1, 3).images).not.toEqual(draw(2, 3).images);
});

test("what is asked for is seen on the first frame, and what hides is counted", () => {
  let hidden = 0;
  for (let seed = 0; seed < 30; seed++) {
    const { images, truth, visible } = draw(seed, 4);
    expect(images.every(Number.isFinite)).toBe(true);
    for (let k = 0; k < 2; k++) {
      const areas = Array.from({ length: 4 }, (_, t) =>
        truth.subarray((k * 4 + t) * 4096, (k * 4 + t + 1) * 4096).reduce((a, b) => a + b, 0),
      );
      expect(areas[0]).toBeGreaterThan(0);
      expect(visible[k * 4]).toBeGreaterThanOrEqual(0.4);
      for (const [t, area] of areas.entries()) {
        const share = visible[k * 4 + t]!;
        expect(share).toBeLessThanOrEqual(1);
        expect(share > 0).toBe(area > 0);
        if (share < 0.5) hidden++;
      }
    }
  }
  expect(hidden).toBeGreaterThan(5);
});

const pose = (more: Partial<Pose> = {}): Pose => ({
  ...{ x: 32, y: 32, anchor: [40, 30], across: 1, down: 1, turn: 0, mirrored: false },
  ...more,
});

test("a thing that covers another takes its pixels", () => {
  const drawn = canvas(64);
  const [red, green] = photographs as [Photograph, Photograph];
  drawBackground(drawn, red, mapOf(pose()));
  const seen = (id: number) => drawn.owner.reduce((sum, owner) => sum + (owner === id ? 1 : 0), 0);
  const [thing] = red.things as [Thing];
  const map = mapOf(pose());
  const before = new Uint8Array(4096);
  backgroundMask(drawn, thing, map, before);
  const area = before.reduce((a, b) => a + b, 0);
  expect(Math.abs(area - wholeArea(thing, map))).toBeLessThan(0.05 * area);
  drawThing(drawn, green, green.things[0]!, mapOf(pose()), 1);
  const after = new Uint8Array(4096);
  backgroundMask(drawn, thing, map, after);
  expect(area - after.reduce((a, b) => a + b, 0)).toBe(seen(1));
  expect([drawn.pixels[32 * 64 + 32], drawn.pixels[4096 + 32 * 64 + 32]]).toEqual([30, 200]);
});

test("poses scale, turn and mirror", () => {
  const [red] = photographs as [Photograph];
  const areas = [
    pose({ across: 0.5 }),
    pose({ turn: 0.7 }),
    pose({ mirrored: true, turn: -0.3, down: 0.8 }),
  ].map((at) => {
    const drawn = canvas(64);
    drawThing(drawn, red, red.things[0]!, mapOf(at), 1);
    return drawn.owner.reduce((a, b) => a + b, 0) / wholeArea(red.things[0]!, mapOf(at));
  });
  for (const share of areas) expect(Math.abs(share - 1)).toBeLessThan(0.05);
});

test("a batch has one kind of prompt, whose points lie on the objects", async () => {
  const options = { side: 64, frames: 2, objects: 2, prompts: { mask: 0.3, box: 0.3 } };
  const data = sceneSamples(photographs, 40, options);
  const kinds = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const batch = await data.batch(Uint32Array.of(2 * i, 2 * i + 1), (sample) => {
      const random = new HostRandom(7, sample);
      return () => random.next();
    });
    expect(batch.images!.shape).toEqual([2, 2, 3, 64, 64]);
    expect(batch.truth!.shape).toEqual([2, 2, 2, 64, 64]);
    const each = batch.points?.shape[2] ?? 0;
    kinds.add(each);
    if (each !== 1) continue;
    for (let object = 0; object < 4; object++) {
      const [x, y] = [batch.points!.data[2 * object] as number, batch.points!.data[2 * object + 1] as number];
      expect(batch.truth!.data[object * 2 * 4096 + y * 64 + x]).toBe(1);
    }
  }
  expect(kinds).toEqual(new Set([0, 1, 2]));
});
