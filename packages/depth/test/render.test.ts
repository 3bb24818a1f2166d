import { Image } from "@tessera-ml/media";
import { expect, test } from "vitest";
import { depthSample } from "../src/data/index.ts";
import {
  type Material,
  renderPair,
  renderPairs,
  renderSheet,
  renderView,
  Shape,
  type View,
} from "../src/render/index.ts";

const grey: Material = {
  pattern: "plain",
  colors: [
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
  ],
  scale: 1,
  seed: 0,
};

/** From (0, 1.5, 0) along +z, slightly downwards. */
function view(shapes: readonly Shape[], more: Partial<View> = {}): View {
  return {
    scene: {
      shapes,
      lights: [{ kind: "sun", at: [0.3, 1, -0.4], color: [1, 1, 1] }],
      ambient: [0.2, 0.2, 0.2],
      sky: { zenith: [0.2, 0.3, 0.8], horizon: [0.8, 0.8, 0.8], clouds: 0, haze: 0, seed: 0 },
      far: 100,
    },
    eye: [0, 1.5, 0],
    yaw: 0,
    pitch: -0.2,
    roll: 0,
    angle: 1,
    ...more,
  };
}

const size = { width: 64, height: 48 };

/** The ray of each pixel in world axes, scaled so that its depth is 1. */
function rays(pitch: number, angle: number): [number, number, number][] {
  const focal = size.height / 2 / Math.tan(angle / 2);
  return Array.from({ length: size.width * size.height }, (_, i) => {
    const u = ((i % size.width) + 0.5 - size.width / 2) / focal;
    const v = (size.height / 2 - Math.floor(i / size.width) - 0.5) / focal;
    return [u, Math.sin(pitch) + v * Math.cos(pitch), Math.cos(pitch) - v * Math.sin(pitch)];
  });
}

test("the depth of a plane is the analytic one, and sky is infinite", () => {
  const plane = new Shape({ form: "plane", at: [0, 0, 0], size: [], material: grey });
  const { depth } = renderView(view([plane]), size);
  const wanted = rays(-0.2, 1).map(([, y]) => (y < 0 ? -1.5 / y : Number.POSITIVE_INFINITY));
  let [floor, sky] = [0, 0];
  for (const [i, metres] of wanted.entries()) {
    if (metres < 80) {
      floor++;
      expect(Math.abs(depth.data[i]! / metres - 1)).toBeLessThan(1e-4);
    } else if (metres > 110) {
      sky++;
      expect(depth.data[i]).toBe(Number.POSITIVE_INFINITY);
    }
  }
  expect([floor > 1000, sky > 500]).toEqual([true, true]);
});

test.each([
  ["opaque", grey],
  ["a mirror", { ...grey, mirror: 0.9 }],
  ["glass", { ...grey, glass: 0.9 }],
])("the depth of a sphere is the analytic one: %s", (_, material) => {
  const sphere = new Shape({ form: "sphere", at: [0.3, 1, 5], size: [1.2], material });
  const { depth } = renderView(view([sphere]), size);
  let hits = 0;
  for (const [i, [x, y, z]] of rays(-0.2, 1).entries()) {
    // |t r − c|² = 1.2² for the ray r of depth 1 and the centre c seen from the eye
    const [rr, rc, cc] = [x * x + y * y + z * z, 0.3 * x - 0.5 * y + 5 * z, 0.09 + 0.25 + 25];
    const inside = rc * rc - rr * (cc - 1.44);
    if (inside < -0.05) expect(depth.data[i]).toBe(Number.POSITIVE_INFINITY);
    if (inside < 0.3) continue; // grazing
    hits++;
    expect(Math.abs(depth.data[i]! / ((rc - Math.sqrt(inside)) / rr) - 1)).toBeLessThan(1e-3);
  }
  expect(hits).toBeGreaterThan(200);
});

test("boxes, turned and tilted, have flat faces where they should be", () => {
  const box = new Shape({ form: "box", at: [0, 1.5, 4], size: [1, 1, 0.5], tilt: 0.4, material: grey });
  const { depth } = renderView(view([box], { pitch: 0 }), size);
  const [c, s] = [Math.cos(0.4), Math.sin(0.4)];
  let hits = 0;
  for (const [i, [x, y, z]] of rays(0, 1).entries()) {
    // The front face: z = −0.5 in the axes of the box.
    const t = (4 * c - 0.5) / (z * c - y * s);
    const up = t * y * c + (t * z - 4) * s;
    if (Math.abs(t * x) > 0.97 || Math.abs(up) > 0.97) continue;
    hits++;
    expect(Math.abs(depth.data[i]! - t)).toBeLessThan(1e-3);
  }
  expect(hits).toBeGreaterThan(300);
});

test("what is behind glass is seen, and a mirror shows what is in front of it", () => {
  const red: Material = {
    ...grey,
    colors: [
      [0.9, 0, 0],
      [0.9, 0, 0],
    ],
  };
  const wall = (z: number, material: Material) =>
    new Shape({ form: "box", at: [0, 1.5, z], size: [9, 9, 0.05], material });
  const middle = (shapes: Shape[]) => {
    const { light } = renderView(view(shapes, { pitch: 0 }), size);
    const i = 3 * (24 * 64 + 32);
    return light[i]! / light[i + 1]!;
  };
  expect(middle([wall(3, { ...grey, glass: 0.9 }), wall(6, red)])).toBeGreaterThan(3);
  expect(middle([wall(3, { ...grey, mirror: 0.9 }), wall(-6, red)])).toBeGreaterThan(3);
  expect(middle([wall(3, grey), wall(6, red)])).toBeLessThan(1.5);
});

test.each(["room", "landscape"] as const)("a %s: equal seeds give equal pairs, others differ", (kind) => {
  const [a, b, c] = [7, 7, 8].map((seed) => renderPair(seed, { size, kind }));
  expect(a!.image.data).toEqual(b!.image.data);
  expect(a!.depth.data).toEqual(b!.depth.data);
  expect(a!.image.data).not.toEqual(c!.image.data);
  for (const { image, depth } of [a!, c!]) {
    expect(depth.data.every((metres) => metres > 0)).toBe(true);
    if (kind === "room") expect(depth.data.every((metres) => metres < 20)).toBe(true);
    const mean = image.data.reduce((sum, value) => sum + value, 0) / image.data.length;
    expect(mean).toBeGreaterThan(40);
    expect(mean).toBeLessThan(225);
  }
});

test("photographs change colours", () => {
  const photo = new Image(
    8,
    8,
    3,
    Uint8Array.from({ length: 192 }, (_, i) => (i * 37) % 256),
  );
  const seeds = [1, 2, 3, 4];
  const changed = seeds.filter((seed) => {
    const [plain, pictured] = [photo, new Image(8, 8, 3)].map((one) =>
      renderPair(seed, { size, photos: [one] }),
    );
    expect(plain!.depth.data).toEqual(pictured!.depth.data);
    return plain!.image.data.some((value, i) => value !== pictured!.image.data[i]);
  });
  expect(changed.length).toBeGreaterThan(1);
});

test("threads render the same pairs, in order", async () => {
  const photos = [new Image(8, 8, 3, new Uint8Array(192).fill(200))];
  const seeds = [5, 6, 7];
  let next = 0;
  for await (const { image, depth } of renderPairs(seeds, { size, photos })) {
    const wanted = renderPair(seeds[next++]!, { size, photos });
    expect(image.data).toEqual(wanted.image.data);
    expect(depth.data).toEqual(wanted.depth.data);
  }
  expect(next).toBe(3);
  await expect(renderPairs([1], { threads: 0 }).next()).rejects.toThrow("at least one thread, got 0");
  await expect(renderPairs([1], { size: { width: 0, height: 4 } }).next()).rejects.toThrow(/seed 1 failed/);
});

test("a sample of a rendered pair has disparity 0 in the sky, and no invalid pixel", () => {
  const { image, depth } = renderPair(3, { size, kind: "landscape" });
  const valid = new Uint8Array(depth.data.length).fill(1);
  const { disparity, mask } = depthSample({ image, kind: "depth", target: depth, valid }, size);
  expect((mask.data as Uint8Array).every((one) => one === 1)).toBe(true);
  expect([...disparity.data].filter((value) => value === 0).length).toBe(
    depth.data.filter((metres) => metres === Number.POSITIVE_INFINITY).length,
  );
});

test("a contact sheet shows each pair", async () => {
  const sheet = await renderSheet([1, 2], { size });
  expect([sheet.width, sheet.height]).toEqual([2 * 68 + 4, 2 * 52 + 4]);
});
