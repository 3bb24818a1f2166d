/** Bringing frames to one scale, where scenes begin, and how much maps flicker. */
import { Image, Planes } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  ClipJoiner,
  CutDetector,
  clipsOf,
  FlickerMeter,
  FrameAligner,
  staticPixels,
  videoClips,
} from "../../src/index.ts";
import { ahead } from "../../src/video/ahead.ts";

const [WIDTH, HEIGHT] = [48, 32];

/** A slope with some boxes in front; `moved` pixels to the left. */
function scene(moved: number, random?: HostRandom): Planes {
  const map = new Planes(1, HEIGHT, WIDTH);
  for (let y = 0, i = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++, i++) {
      const place = x + moved;
      const isBox = Math.floor(place / 9) % 3 === 0 && y > 8 && y < 24;
      const noise = random ? 0.04 * random.normal() : 0;
      map.data[i] = 2 + 0.1 * y + 0.5 * Math.sin(place / 7) + (isBox ? 2 : 0) + noise;
    }
  return map;
}

const changed = ({ data }: Planes, scale: number, shift: number) =>
  new Planes(
    1,
    HEIGHT,
    WIDTH,
    data.map((value) => scale * value + shift),
  );

function deviation({ data }: Planes): number {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
}

describe("FrameAligner", () => {
  test("undoes the scale and shift of each frame", () => {
    const aligner = new FrameAligner();
    const random = new HostRandom(1);
    for (let frame = 0; frame < 20; frame++) {
      const truth = scene(0);
      const [scale, shift] = frame === 0 ? [1, 0] : [0.5 + random.next(), 3 * random.next()];
      const { data } = aligner.push(changed(truth, scale, shift));
      for (const [i, value] of data.entries()) expect(value).toBeCloseTo(truth.data[i]!, 4);
    }
  });

  test("is not misled by a third of the pixels", () => {
    const aligner = new FrameAligner();
    const truth = aligner.push(scene(0));
    const other = changed(truth, 0.7, 1);
    for (let i = 0; i < other.data.length; i++) if (i % WIDTH < WIDTH / 3) other.data[i] = 9 - (i % 7);
    const { data } = aligner.push(other);
    for (const [i, value] of data.entries())
      if (i % WIDTH >= WIDTH / 3) expect(value).toBeCloseTo(truth.data[i]!, 2);
  });

  test("is not misled by a sky without disparity, nor by changes that no scale explains", () => {
    const [aligner, random] = [new FrameAligner(), new HostRandom(2)];
    const truth = scene(0);
    for (let i = 0; i < truth.data.length * 0.6; i++) truth.data[i] = 0;
    const first = aligner.push(truth);
    for (let frame = 0; frame < 5; frame++) {
      const other = changed(truth, 1.5, 0);
      for (let i = 0; i < other.data.length; i++)
        if (other.data[i]! > 0) other.data[i]! += 0.02 * random.normal();
      const { data } = aligner.push(other);
      for (const [i, value] of data.entries()) expect(Math.abs(value - first.data[i]!)).toBeLessThan(0.15);
    }
  });

  test("keeps the scale of a noisy video: whether the view stays or moves, it does not flatten", () => {
    for (const speed of [0, 0.5]) {
      const [aligner, random] = [new FrameAligner(), new HostRandom(5)];
      let [first, last] = [0, 0];
      for (let frame = 0; frame < 120; frame++) {
        const truth = scene(speed * frame, random);
        const aligned = aligner.push(changed(truth, 0.8 + 0.4 * random.next(), random.next()));
        if (frame === 0) first = deviation(aligned) / deviation(truth);
        last = deviation(aligned) / deviation(truth);
      }
      expect(Math.abs(last / first - 1), `speed ${speed}`).toBeLessThan(speed === 0 ? 0.01 : 0.08);
    }
  });

  test("begins anew after a cut, and where maps are constant changes nothing", () => {
    const aligner = new FrameAligner();
    aligner.push(scene(0));
    expect(aligner.resembles(changed(scene(0), 3, 1))).toBe(true);
    expect(aligner.resembles(changed(scene(0), -1, 9))).toBe(false);
    const other = changed(scene(5), 2, 1);
    aligner.cut();
    expect(aligner.resembles(changed(scene(0), -1, 9))).toBe(true);
    expect([...aligner.push(other).data]).toEqual([...other.data]);
    const flat = new Planes(1, HEIGHT, WIDTH, new Float32Array(WIDTH * HEIGHT).fill(3));
    expect([...aligner.push(flat).data]).toEqual([...flat.data]);
    expect(() => aligner.push(new Planes(1, 4, 4))).toThrow(
      `FrameAligner: expected maps [1,${HEIGHT},${WIDTH}], got [1,4,4]`,
    );
  });
});

/** A picture in two colours that repeat; `moved` to the left. */
function picture(colors: readonly (readonly number[])[], moved = 0): Image {
  const image = new Image(192, 108, 3);
  for (let i = 0; i < image.width * image.height; i++)
    image.data.set(colors[Math.floor(((i % image.width) + moved) / 40) % colors.length]!, 3 * i);
  return image;
}

const BEACH = [
  [240, 220, 160],
  [20, 90, 200],
] as const;
const WOOD = [
  [30, 70, 20],
  [90, 60, 40],
] as const;

test("CutDetector: other colours are a cut, motion and slow changes are none", () => {
  const cuts = new CutDetector();
  const say = (image: Image, same = true) => cuts.push(image, () => same);
  expect(say(picture(BEACH))).toBe(false);
  for (let moved = 3; moved < 60; moved += 3) expect(say(picture(BEACH, moved))).toBe(false);
  expect(say(picture(WOOD))).toBe(true);
  // Colours across the borders of the histogram, but hardly changed.
  expect(say(picture([[192, 192, 192]]))).toBe(true);
  expect(say(picture([[191, 191, 191]]))).toBe(false);
  // The same colours elsewhere are a cut where the depth is another.
  expect(say(picture(BEACH))).toBe(true);
  expect(say(picture(BEACH, 40), true)).toBe(false);
  expect(say(picture(BEACH), false)).toBe(true);
});

describe("FlickerMeter", () => {
  const everywhere = new Uint8Array(WIDTH * HEIGHT).fill(1);

  test("is the mean change in percent of the range, whatever the unit", () => {
    const map = new Planes(
      1,
      HEIGHT,
      WIDTH,
      Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => i / (WIDTH * HEIGHT - 1)),
    );
    for (const unit of [1, 250]) {
      const meter = new FlickerMeter();
      meter.push(changed(map, unit, 0), undefined);
      expect(meter.percent).toBeUndefined();
      meter.push(changed(map, unit, 0.0192 * unit), everywhere);
      expect(meter.percent).toBeCloseTo(2, 2); // 1.92 % of the values, whose 2nd and 98th percentiles are 0.96 apart
      meter.push(changed(map, unit, 0.0192 * unit), everywhere);
      expect(meter.percent).toBeCloseTo(1, 2);
    }
  });

  test("does not count what moves", () => {
    const meter = new FlickerMeter();
    const [before, after] = [picture([[100, 100, 100]]), picture([[100, 100, 100]])];
    for (let i = 0; i < after.data.length / 2; i++) after.data[i] = 200;
    const grey = (image: Image) =>
      new Image(
        image.width,
        image.height,
        1,
        image.data.filter((_, i) => i % 3 === 0),
      );
    const still = staticPixels(grey(before), grey(after));
    expect(still?.reduce((sum, one) => sum + one, 0)).toBe((192 * 108) / 2);
    const map = new Planes(
      1,
      108,
      192,
      Float32Array.from({ length: 192 * 108 }, (_, i) => i % 100),
    );
    meter.push(map, undefined);
    meter.push(
      new Planes(
        1,
        108,
        192,
        map.data.map((value, i) => value + (i < map.data.length / 2 ? 50 : 0)),
      ),
      still,
    );
    expect(meter.percent).toBe(0);
    expect(staticPixels(grey(before), grey(picture([[200, 0, 0]])))).toBeUndefined();
  });
});

describe("clips of a stream", () => {
  async function* numbers(count: number): AsyncGenerator<number> {
    for (let i = 0; i < count; i++) yield i;
  }

  test.each([0, 1, 2, 21, 22, 23, 32, 33, 44, 45, 54, 55, 80])("of %i frames", async (count) => {
    const clips = await Array.fromAsync(clipsOf(numbers(count)));
    expect(clips).toEqual(videoClips(count));
  });

  test("cover every frame once when they are joined", async () => {
    for (const count of [1, 22, 32, 33, 70]) {
      const joiner = new ClipJoiner({ metric: true });
      const joined: Planes[] = [];
      for await (const frames of clipsOf(numbers(count)))
        joined.push(...joiner.push(frames.map((i) => new Planes(1, 1, 1, Float32Array.of(i)))));
      joined.push(...joiner.finish());
      expect(joined.slice(0, count).map(({ data }) => data[0])).toEqual([...new Array(count).keys()]);
    }
  });
});

test("ahead works one item ahead, and ends with its reader", async () => {
  const made: number[] = [];
  let isClosed = false;
  async function* items(): AsyncGenerator<number> {
    try {
      for (let i = 0; i < 5; i++) {
        made.push(i);
        yield i;
      }
      throw new Error("no more");
    } finally {
      isClosed = true;
    }
  }
  for await (const item of ahead(items())) {
    await Promise.resolve();
    expect(made.at(-1)).toBe(item + 1);
    if (item === 2) break;
  }
  expect(isClosed).toBe(true);
  const seen: number[] = [];
  await expect(async () => {
    for await (const item of ahead(items())) seen.push(item);
  }).rejects.toThrow("no more");
  expect(seen).toEqual([0, 1, 2, 3, 4]);
});
