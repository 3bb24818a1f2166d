/** Landscapes and streets: terrain or flat ground, houses, trees, poles with wires, fences, rocks. */
import type { Draw } from "./random.ts";
import { Shape, type ShapeOptions, terrainHeight } from "./shape.ts";
import type { Sky, View } from "./trace.ts";

type Add = (options: ShapeOptions) => void;

export function drawLandscape(draw: Draw): View {
  const shapes: Shape[] = [];
  const add: Add = (options) => shapes.push(new Shape(options));
  const hills = draw.chance(0.6)
    ? [draw.between(1.5, 9), draw.between(12, 30), draw.count(0, 1e6)]
    : undefined;
  const ground = draw.surface(0.25, [2, 6]);
  const natural = draw.material("speckle", {
    colors: draw.pick([
      [
        [0.05, 0.12, 0.03],
        [0.2, 0.25, 0.08],
      ],
      [
        [0.25, 0.2, 0.12],
        [0.45, 0.38, 0.25],
      ],
      [
        [0.7, 0.72, 0.75],
        [0.9, 0.9, 0.92],
      ],
    ]),
    scale: draw.between(0.3, 1.5),
    gloss: 0,
  });
  add(
    hills
      ? { form: "terrain", at: [0, 0, 0], size: hills, material: natural }
      : {
          form: "plane",
          at: [0, 0, 0],
          size: [],
          material: draw.chance(0.5) ? natural : { ...ground, scale: 2 * ground.scale },
        },
  );
  const level = (x: number, z: number) => (hills ? terrainHeight(x, z, hills[0]!, hills[1]!, hills[2]!) : 0);
  for (let i = draw.count(4, 14); i > 0; i--) {
    const z = 4 + 45 * draw.between(0, 1) ** 1.5;
    const x = draw.between(-0.8, 0.8) * z;
    draw.pick([tree, tree, fir, house, rock, rock, pole, block])(draw, add, x, level(x, z), z);
  }
  if (draw.chance(0.4)) wires(draw, add, level);
  if (draw.chance(0.4)) fence(draw, add, level);
  const sky = drawSky(draw);
  const height = draw.between(-2.4, 2.4);
  const sun = draw.between(0.6, 2.6);
  const eye = [0, level(0, 0) + draw.between(1, 3.5), 0] as const;
  return {
    scene: {
      shapes,
      lights: [
        {
          kind: "sun",
          at: [Math.sin(height), draw.between(0.3, 1.2), Math.cos(height)],
          color: [sun, sun * 0.95, sun * draw.between(0.75, 0.95)],
        },
      ],
      ambient: sky.zenith.map((value, c) => 0.1 + 0.3 * value + 0.12 * sky.horizon[c]!) as unknown as [
        number,
        number,
        number,
      ],
      sky,
      far: 150,
    },
    eye,
    yaw: draw.between(-0.35, 0.35),
    pitch: draw.between(-0.2, 0.12),
    roll: 0.03 * draw.normal(),
    angle: draw.between(0.6, 1.15),
  };
}

function drawSky(draw: Draw): Sky {
  const grey = draw.chance(0.35);
  const light = draw.between(0.5, 0.9);
  return {
    zenith: grey
      ? [light, light, light * 1.03]
      : [0.08 + draw.between(0, 0.12), 0.25 + draw.between(0, 0.15), 0.65],
    horizon: grey
      ? [light, light, light]
      : [draw.between(0.6, 0.9), draw.between(0.65, 0.8), draw.between(0.6, 0.9)],
    clouds: draw.between(0, 1),
    haze: 0.03 * draw.between(0.2, 1) ** 2,
    seed: draw.count(0, 1e6),
  };
}

type Piece = (draw: Draw, add: Add, x: number, y: number, z: number) => void;

const bark = (draw: Draw) =>
  draw.material("wood", {
    colors: [
      [0.12, 0.08, 0.05],
      [0.25, 0.18, 0.1],
    ],
    scale: 0.3,
    gloss: 0,
  });
const leaves = (draw: Draw) => {
  const g = draw.between(0.15, 0.45);
  return draw.material("speckle", {
    colors: [
      [g * draw.between(0.2, 1), g * 0.5, 0.02],
      [0.1, g, 0.08],
    ],
    scale: 0.25,
    gloss: 0,
  });
};

const tree: Piece = (draw, add, x, y, z) => {
  const h = draw.between(0.8, 2.2);
  add({ form: "cone", at: [x, y + h, z], size: [0.2, h + 0.3, 0.08], material: bark(draw) });
  const material = leaves(draw);
  for (let i = draw.count(3, 7); i > 0; i--) {
    const r = draw.between(0.4, 1);
    add({
      form: "sphere",
      at: [x + draw.between(-0.8, 0.8), y + 2 * h + draw.between(-0.3, 1), z + draw.between(-0.8, 0.8)],
      size: [r],
      material,
    });
  }
};

const fir: Piece = (draw, add, x, y, z) => {
  add({ form: "cylinder", at: [x, y + 0.4, z], size: [0.12, 0.7], material: bark(draw) });
  const material = leaves(draw);
  const r = draw.between(0.7, 1.3);
  for (let i = 0; i < 3; i++)
    add({ form: "cone", at: [x, y + 1.3 + 0.9 * i, z], size: [r * (1 - 0.25 * i), 0.7, 0.02], material });
};

const house: Piece = (draw, add, x, y, z) => {
  const [w, h, d] = [draw.between(1.5, 4), draw.between(1.3, 4), draw.between(1.5, 4)];
  const yaw = draw.between(-0.6, 0.6);
  const material = draw.surface(0.35, [2, 6]);
  const [far, base] = [z + d + 2, y - 0.4];
  add({ form: "box", at: [x, base + h, far], size: [w, h, d], yaw, material });
  // A roof: a box on its edge, sunk into the house.
  const side = (d + 0.3) * Math.SQRT1_2;
  add({
    form: "box",
    at: [x, base + 2 * h, far],
    size: [w + 0.2, side, side],
    yaw,
    tilt: Math.PI / 4,
    material: draw.material("stripes", { scale: 0.25 }),
  });
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const glass = draw.material("plain", {
    colors: [
      [0.05, 0.06, 0.08],
      [0.1, 0.12, 0.15],
    ],
    mirror: 0.5,
  });
  for (let right = -w + 0.8; right < w - 0.5; right += 1.4)
    for (let up = 1.3; up < 2 * h - 0.5; up += 1.7)
      add({
        form: "box",
        at: [x + c * right - s * d, base + up, far - s * right - c * d],
        size: [0.35, 0.5, 0.03],
        yaw,
        material: glass,
      });
};

const rock: Piece = (draw, add, x, y, z) => {
  const r = draw.between(0.15, 0.8);
  const grey = draw.between(0.15, 0.5);
  const material = draw.material("speckle", {
    colors: [
      [grey, grey, grey],
      [grey * 0.5, grey * 0.48, grey * 0.45],
    ],
    scale: 0.3,
    gloss: 0,
  });
  for (let i = draw.count(1, 3); i > 0; i--)
    add({
      form: "box",
      at: [x + draw.between(-r, r), y + 0.2 * r, z + draw.between(-r, r)],
      size: [r, r * draw.between(0.5, 1), r],
      round: 0.6 * r,
      yaw: draw.between(0, 6),
      tilt: draw.between(-0.5, 0.5),
      material,
    });
};

const pole: Piece = (draw, add, x, y, z) => {
  const h = draw.between(1.5, 3);
  const material = draw.material("plain");
  add({ form: "capsule", at: [x, y + h, z], size: [draw.between(0.03, 0.08), h], material });
  if (draw.chance(0.5))
    add({
      form: "box",
      at: [x, y + 2 * h, z],
      size: [0.35, 0.35, 0.02],
      yaw: draw.between(-0.5, 0.5),
      material: draw.material(),
    });
};

const block: Piece = (draw, add, x, y, z) => {
  const [w, h, d] = [draw.between(0.4, 1.1), draw.between(0.3, 0.6), draw.between(0.8, 2)];
  const yaw = draw.between(0, 3);
  const material = draw.surface(0.2);
  add({ form: "box", at: [x, y + h, z], size: [w, h, d], yaw, round: 0.15, material });
  if (draw.chance(0.6))
    add({
      form: "box",
      at: [x, y + 2 * h + 0.1, z],
      size: [w * 0.9, 0.35, d * 0.55],
      yaw,
      round: 0.12,
      material: { ...material, gloss: 0.6 },
    });
};

/** A row of poles with wires between them, along the view. */
function wires(draw: Draw, add: Add, level: (x: number, z: number) => number): void {
  const material = draw.material("wood", { scale: 0.3 });
  const [x, step, height] = [draw.between(-6, 6), draw.between(6, 10), draw.between(4, 6)];
  for (let i = 0; i < 4; i++) {
    const z = 4 + i * step;
    const y = level(x, z);
    add({ form: "capsule", at: [x, y + height / 2, z], size: [0.08, height / 2], material });
    if (i === 3) break;
    const next = level(x, z + step);
    const slope = Math.atan2(step, next - y);
    for (const side of [-0.4, 0.4])
      add({
        form: "capsule",
        at: [x + side, (y + next) / 2 + height - 0.2, z + step / 2],
        size: [0.02, Math.hypot(step, next - y) / 2],
        tilt: slope,
        material,
      });
    add({ form: "box", at: [x, y + height - 0.25, z], size: [0.5, 0.05, 0.05], material });
  }
}

function fence(draw: Draw, add: Add, level: (x: number, z: number) => number): void {
  const material = draw.material("wood", { scale: 0.3 });
  const [z, gap] = [draw.between(3, 8), draw.between(0.35, 0.8)];
  for (let i = -8; i <= 8; i++) {
    const x = i * gap;
    add({ form: "box", at: [x, level(x, z) + 0.45, z], size: [0.035, 0.55, 0.025], material });
    const middle = x + gap / 2;
    const rise = Math.atan2(level(x + gap, z) - level(x, z), gap);
    // Turned by a quarter, so that its tilt follows the ground.
    add({
      form: "box",
      at: [middle, level(middle, z) + 0.7, z],
      size: [0.02, 0.03, gap * 0.6],
      yaw: -Math.PI / 2,
      tilt: rise,
      material,
    });
  }
}
