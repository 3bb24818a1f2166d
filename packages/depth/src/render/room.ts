/** Rooms: furniture, clutter, thin structures, mirrors and glass. */
import type { Material } from "./material.ts";
import type { Draw } from "./random.ts";
import { Shape, type ShapeOptions } from "./shape.ts";
import type { Light, Scene, View } from "./trace.ts";

type At = readonly [number, number, number];

export function drawRoom(draw: Draw): View {
  const [w, h, d] = [draw.between(1.6, 4), draw.between(1.15, 1.8), draw.between(1.8, 5)]; // half sides
  const shapes: Shape[] = [];
  const add = (options: ShapeOptions) => shapes.push(new Shape(options));
  addWalls(draw, add, w, h, d);
  const lights: Light[] = [];
  for (let i = draw.count(1, 2); i > 0; i--) {
    const at: At = [draw.between(-0.7, 0.7) * w, 2 * h - 0.25, draw.between(-0.7, 0.7) * d];
    const warm = draw.between(0.6, 1);
    const power = draw.between(1.2, 3) * (1 + d / 5);
    lights.push({ kind: "lamp", at, color: [power, power * (0.6 + 0.4 * warm), power * warm * 0.9] });
    if (draw.chance(0.5)) addLamp(draw, add, at, 2 * h);
  }
  for (let i = draw.count(4, 10); i > 0; i--) {
    const x = draw.between(-0.9, 0.9) * w;
    const z = draw.between(-0.85, 0.95) * d;
    draw.pick(FURNITURE)(draw, add, [x, 0, z], draw.between(0, 2 * Math.PI));
  }
  const dim = draw.between(0.15, 0.5);
  const scene: Scene = {
    shapes,
    lights,
    ambient: [dim, dim * draw.between(0.85, 1.1), dim * draw.between(0.8, 1.15)],
    sky: { zenith: [0, 0, 0], horizon: [0, 0, 0], clouds: 0, haze: 0, seed: 0 },
    far: 40,
  };
  const corner = draw.chance(0.6);
  const eye: At = [
    draw.between(-0.85, 0.85) * w,
    draw.between(0.5, Math.min(1.9, 2 * h - 0.3)),
    (corner ? draw.between(-0.95, -0.6) : draw.between(-0.6, 0.3)) * d,
  ];
  const towards = Math.atan2(draw.between(-0.5, 0.5) * w - eye[0], draw.between(0.2, 0.9) * d - eye[2]);
  return {
    scene,
    eye,
    yaw: towards + (draw.chance(0.2) ? draw.between(-1.5, 1.5) : draw.between(-0.3, 0.3)),
    pitch: draw.between(-0.45, 0.15),
    roll: 0.04 * draw.normal(),
    angle: draw.between(0.7, 1.25),
  };
}

type Add = (options: ShapeOptions) => void;

function addWalls(draw: Draw, add: Add, w: number, h: number, d: number): void {
  add({ form: "room", at: [0, h, 0], size: [w, h, d], material: draw.surface(0.25, [1, 5]) });
  const panel = (y: number, material: Material) =>
    add({ form: "box", at: [0, y, 0], size: [w, 0.02, d], material });
  panel(0, draw.surface(0.3));
  panel(2 * h, draw.material("plain", { colors: [draw.color(0.85, 0.1), draw.color(0.8, 0.1)] }));
  for (let i = draw.count(1, 5); i > 0; i--) addPanel(draw, add, w, h, d);
  if (draw.chance(0.3)) {
    // A step, a chimney or a pillar.
    const size = [draw.between(0.1, 0.5), h, draw.between(0.1, 0.6)];
    add({
      form: "box",
      at: [draw.pick([-1, 1]) * w, h, draw.between(0, 1) * d],
      size,
      material: draw.surface(),
    });
  }
}

/** A picture, a window, a mirror or a door on a wall. */
function addPanel(draw: Draw, add: Add, w: number, h: number, d: number): void {
  const half = draw.between(0.2, 0.7);
  const high = draw.between(0.25, 0.6);
  const side = draw.pick([-1, 0, 1]);
  const along = draw.between(-0.7, 0.7);
  const at: At = [
    side === 0 ? along * w : side * w,
    draw.between(1.1, Math.max(1.2, 2 * h - 0.8)),
    side === 0 ? d : along * d,
  ];
  const yaw = side === 0 ? 0 : Math.PI / 2;
  const frame = draw.material("plain");
  const inside = draw.pick<() => Material>([
    () => draw.surface(0.9, [2 * half, 2 * half]),
    () => draw.surface(0.9, [2 * half, 2 * half]),
    () =>
      draw.material("plain", {
        mirror: 0.85,
        colors: [
          [0.5, 0.5, 0.5],
          [0.4, 0.4, 0.4],
        ],
        gloss: 0,
      }),
    () =>
      draw.material("speckle", {
        glow: 0.9,
        colors: [
          [0.6, 0.75, 0.95],
          [0.9, 0.95, 1],
        ],
        scale: 0.8,
      }),
  ])();
  add({ form: "box", at, size: [half + 0.05, high + 0.05, 0.02], yaw, material: frame });
  add({ form: "box", at, size: [half, high, 0.03], yaw, material: inside });
  if (!inside.glow) return;
  for (const [size, tilt] of [
    [[0.015, high, 0.04], 0],
    [[half, 0.015, 0.04], 0],
  ] as const)
    add({ form: "box", at, size, yaw, tilt, material: frame });
}

/** A lamp that hangs from the ceiling on a wire. */
function addLamp(draw: Draw, add: Add, [x, , z]: At, ceiling: number): void {
  const drop = draw.between(0.2, 0.5);
  const material = draw.material("plain");
  add({ form: "capsule", at: [x, ceiling - drop / 2, z], size: [0.006, drop / 2], material });
  add({
    form: "cone",
    at: [x, ceiling - drop - 0.08, z],
    size: [0.18, 0.09, 0.05],
    material: { ...material, glow: 0.6 },
  });
}

type Furniture = (draw: Draw, add: Add, at: At, yaw: number) => void;

/** A point beside `at`, in the frame of a piece turned by `yaw`. */
function beside([x, y, z]: At, yaw: number, right: number, up: number, front: number): At {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  return [x + c * right + s * front, y + up, z - s * right + c * front];
}

const table: Furniture = (draw, add, at, yaw) => {
  const [w, h, d] = [draw.between(0.35, 0.9), draw.between(0.4, 0.8), draw.between(0.3, 0.5)];
  const material = draw.surface(0.2);
  const glass = draw.chance(0.15);
  const top = glass
    ? draw.material("plain", {
        glass: 0.85,
        colors: [
          [0.6, 0.8, 0.75],
          [0.6, 0.8, 0.75],
        ],
        gloss: 0.6,
      })
    : material;
  if (draw.chance(0.25)) {
    add({ form: "cylinder", at: beside(at, 0, 0, h, 0), size: [d + 0.1, 0.02], material: top });
    add({ form: "cylinder", at: beside(at, 0, 0, h / 2, 0), size: [0.04, h / 2], material });
  } else {
    add({ form: "box", at: beside(at, yaw, 0, h, 0), size: [w, 0.025, d], yaw, round: 0.01, material: top });
    for (const [sx, sz] of [
      [-1, -1],
      [1, -1],
      [-1, 1],
      [1, 1],
    ] as const)
      add({
        form: "capsule",
        at: beside(at, yaw, sx * (w - 0.05), h / 2, sz * (d - 0.05)),
        size: [0.02, h / 2],
        material,
      });
  }
  for (let i = draw.count(0, 4); i > 0; i--)
    thing(
      draw,
      add,
      beside(at, yaw, draw.between(-0.8, 0.8) * d, h + 0.025, draw.between(-0.8, 0.8) * d),
      draw.between(0, 6),
    );
};

const chair: Furniture = (draw, add, at, yaw) => {
  const material = draw.surface(0.15);
  const [w, h] = [draw.between(0.18, 0.25), draw.between(0.4, 0.5)];
  add({ form: "box", at: beside(at, yaw, 0, h, 0), size: [w, 0.025, w], yaw, round: 0.02, material });
  for (const [sx, sz] of [
    [-1, -1],
    [1, -1],
    [-1, 1],
    [1, 1],
  ] as const) {
    const high = sz < 0 ? h : h / 2;
    add({
      form: "capsule",
      at: beside(at, yaw, sx * (w - 0.02), high, sz * (w - 0.02)),
      size: [0.014, high],
      material,
    });
  }
  for (let i = 1; i <= 3; i++)
    add({
      form: "box",
      at: beside(at, yaw, 0, h + 0.13 * i, -w + 0.02),
      size: [w, 0.025, 0.008],
      yaw,
      material,
    });
};

const sofa: Furniture = (draw, add, at, yaw) => {
  const material = draw.surface(0.2);
  const w = draw.between(0.5, 1);
  const part = (right: number, up: number, front: number, size: readonly number[]) =>
    add({ form: "box", at: beside(at, yaw, right, up, front), size, yaw, round: 0.07, material });
  part(0, 0.22, 0, [w, 0.22, 0.42]);
  part(0, 0.5, -0.36, [w, 0.35, 0.12]);
  part(-w, 0.32, 0, [0.1, 0.32, 0.42]);
  part(w, 0.32, 0, [0.1, 0.32, 0.42]);
};

const shelf: Furniture = (draw, add, at, yaw) => {
  const material = draw.surface(0.15);
  const [w, levels, gap] = [draw.between(0.3, 0.7), draw.count(3, 5), draw.between(0.28, 0.42)];
  const h = (levels * gap) / 2;
  for (const side of [-1, 1])
    add({ form: "box", at: beside(at, yaw, side * w, h, 0), size: [0.012, h, 0.16], yaw, material });
  for (let i = 0; i <= levels; i++) {
    add({ form: "box", at: beside(at, yaw, 0, i * gap, 0), size: [w, 0.012, 0.16], yaw, material });
    if (i < levels && draw.chance(0.7))
      add({
        form: "box",
        at: beside(at, yaw, draw.between(-0.3, 0.3) * w, i * gap + 0.11, 0),
        size: [draw.between(0.3, 0.6) * w, 0.1, 0.1],
        yaw,
        material: draw.material("stripes", { scale: draw.between(0.04, 0.12) }),
      });
  }
};

const cabinet: Furniture = (draw, add, at, yaw) => {
  const [w, h, d] = [draw.between(0.2, 0.6), draw.between(0.25, 0.95), draw.between(0.18, 0.35)];
  add({
    form: "box",
    at: beside(at, yaw, 0, h, 0),
    size: [w, h, d],
    yaw,
    round: 0.01,
    material: draw.surface(0.4),
  });
  if (h < 0.6) thing(draw, add, beside(at, yaw, draw.between(-0.5, 0.5) * w, 2 * h, 0), yaw);
};

/** A floor lamp, a coat stand or bare poles: thin structures. */
const poles: Furniture = (draw, add, at, yaw) => {
  const material = draw.material("plain");
  const h = draw.between(0.6, 0.95);
  add({ form: "capsule", at: beside(at, 0, 0, h, 0), size: [draw.between(0.008, 0.02), h], material });
  add({ form: "cylinder", at, size: [0.16, 0.03], material });
  if (draw.chance(0.5))
    add({
      form: "cone",
      at: beside(at, 0, 0, 2 * h, 0),
      size: [0.22, 0.14, 0.12],
      material: draw.material(),
    });
  else
    for (let i = 0; i < 4; i++)
      add({
        form: "capsule",
        at: beside(at, 0, 0, 2 * h - 0.1, 0),
        size: [0.008, 0.2],
        yaw: yaw + (i * Math.PI) / 2,
        tilt: 0.9,
        material,
      });
};

const plant: Furniture = (draw, add, at) => {
  add({ form: "cone", at: beside(at, 0, 0, 0.15, 0), size: [0.1, 0.15, 0.16], material: draw.material() });
  const leaf = draw.material("speckle", {
    colors: [
      [0.03, 0.15, 0.03],
      [0.15, 0.4, 0.08],
    ],
    scale: 0.1,
  });
  for (let i = draw.count(4, 9); i > 0; i--)
    add({
      form: "capsule",
      at: beside(at, 0, draw.between(-0.12, 0.12), draw.between(0.4, 0.7), draw.between(-0.12, 0.12)),
      size: [draw.between(0.01, 0.03), draw.between(0.1, 0.3)],
      yaw: draw.between(0, 6),
      tilt: draw.between(-0.6, 0.6),
      material: leaf,
    });
};

/** A standing sheet of glass in a frame. */
const pane: Furniture = (draw, add, at, yaw) => {
  const [w, h] = [draw.between(0.3, 0.8), draw.between(0.5, 0.95)];
  const tint = draw.color(0.9, 0.15);
  const glass = draw.material("plain", { glass: draw.between(0.75, 0.95), colors: [tint, tint], gloss: 0.5 });
  add({ form: "box", at: beside(at, yaw, 0, h, 0), size: [w, h, 0.006], yaw, material: glass });
  const frame = draw.material("plain");
  for (const side of [-1, 1])
    add({ form: "box", at: beside(at, yaw, side * w, h, 0), size: [0.02, h, 0.02], yaw, material: frame });
};

const box: Furniture = (draw, add, at, yaw) => {
  let top = 0;
  for (let i = draw.count(1, 3); i > 0; i--) {
    const size = [draw.between(0.1, 0.35), draw.between(0.08, 0.25), draw.between(0.1, 0.35)];
    add({
      form: "box",
      at: beside(at, 0, 0, top + size[1]!, 0),
      size,
      yaw: yaw + draw.between(-0.3, 0.3),
      round: 0.01,
      material: draw.surface(0.4, [0.3, 1]),
    });
    top += 2 * size[1]!;
  }
};

/** Something small that stands on a surface. */
const thing: Furniture = (draw, add, at, yaw) => {
  const material = draw.surface(0.2, [0.1, 0.6]);
  const r = draw.between(0.03, 0.14);
  draw.pick([
    () => add({ form: "sphere", at: beside(at, 0, 0, r, 0), size: [r], material }),
    () =>
      add({
        form: "box",
        at: beside(at, 0, 0, r, 0),
        size: [draw.between(0.03, 0.2), r, draw.between(0.03, 0.2)],
        yaw,
        round: 0.01,
        material,
      }),
    () => add({ form: "cylinder", at: beside(at, 0, 0, 1.4 * r, 0), size: [r * 0.6, 1.4 * r], material }),
    () => add({ form: "cone", at: beside(at, 0, 0, r, 0), size: [r, r, r * draw.between(0, 1.3)], material }),
    () =>
      add({
        form: "torus",
        at: beside(at, 0, 0, r * 1.3, 0),
        size: [r, r * 0.3],
        yaw,
        tilt: Math.PI / 2,
        material,
      }),
  ])();
};

const FURNITURE: readonly Furniture[] = [
  table,
  table,
  chair,
  chair,
  sofa,
  shelf,
  cabinet,
  cabinet,
  poles,
  plant,
  pane,
  box,
  box,
  thing,
];
