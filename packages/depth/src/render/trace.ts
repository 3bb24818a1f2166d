/** Sphere tracing (Hart 1996) and shading. */
import { colorAt, type Rgb } from "./material.ts";
import { fractal2 } from "./noise.ts";
import type { Shape } from "./shape.ts";

/** A lamp at a place, or the sun, infinitely far in a direction. */
export interface Light {
  readonly kind: "lamp" | "sun";
  readonly at: readonly [number, number, number];
  readonly color: Rgb;
}

export interface Sky {
  readonly zenith: Rgb;
  readonly horizon: Rgb;
  /** Share covered by clouds, 0 to 1. */
  readonly clouds: number;
  /** Haze per metre. */
  readonly haze: number;
  readonly seed: number;
}

export interface Scene {
  readonly shapes: readonly Shape[];
  readonly lights: readonly Light[];
  readonly ambient: Rgb;
  readonly sky: Sky;
  /** Rays end here, in metres: what is farther is sky. */
  readonly far: number;
}

export interface View {
  readonly scene: Scene;
  readonly eye: readonly [number, number, number];
  /** Directions: 0 yaw looks along +z, positive pitch upwards; radians. */
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
  /** Vertical angle of view, radians. */
  readonly angle: number;
}

const STEPS = 120;
/** How near a surface counts as hit, relative to the distance travelled. */
const NEAR = 2e-4;

/** Traces rays through a scene. One ray at a time: results are kept in fields. */
export class Tracer {
  readonly scene: Scene;
  /** The surface that was hit, if any, its normal, and how far the ray went. */
  hit: Shape | undefined;
  t = 0;
  nx = 0;
  ny = 0;
  nz = 0;
  readonly #candidates: Shape[] = [];
  readonly #color = new Float64Array(3);

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** The nearest surface in direction d (of length 1), except that of `skip`. */
  trace(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, skip?: Shape): boolean {
    const { far } = this.scene;
    this.hit = undefined;
    const candidates = this.#candidates;
    const count = this.#collect(ox, oy, oz, dx, dy, dz, far, skip, false);
    let t = 1e-3;
    let least = far;
    let nearest: Shape | undefined;
    for (let step = 0; step < STEPS && t < far; step++) {
      least = far;
      nearest = undefined;
      for (let i = 0; i < count; i++) {
        const shape = candidates[i]!;
        if (t > shape.leave) continue;
        const ahead = shape.enter - t;
        if (ahead > 0.02) {
          if (ahead < least) {
            least = ahead;
            nearest = undefined;
          }
          continue;
        }
        const d = shape.distance(ox + t * dx, oy + t * dy, oz + t * dz);
        if (d < least) {
          least = d;
          nearest = shape;
        }
      }
      if (nearest && least < NEAR * (t + 0.1) * (nearest.form === "terrain" ? 5 : 1)) break;
      t += Math.max(least, 1e-4);
    }
    // Along a slope, a ray can come near without meeting the threshold.
    if (nearest && t < far && least < 0.03 * (t + 0.1)) {
      this.#land(nearest, t, least, ox, oy, oz, dx, dy, dz);
      return true;
    }
    this.t = far;
    return false;
  }

  /** The normal, and the point to first order: exact where the surface is flat. */
  #land(
    shape: Shape,
    t: number,
    d: number,
    ox: number,
    oy: number,
    oz: number,
    dx: number,
    dy: number,
    dz: number,
  ) {
    const x = ox + t * dx;
    const y = oy + t * dy;
    const z = oz + t * dz;
    // Differences at the corners of a tetrahedron.
    const e = 5e-4 * (1 + t * 0.2);
    const a = shape.distance(x + e, y - e, z - e);
    const b = shape.distance(x - e, y - e, z + e);
    const c = shape.distance(x - e, y + e, z - e);
    const f = shape.distance(x + e, y + e, z + e);
    const gx = a - b - c + f;
    const gy = -a - b + c + f;
    const gz = -a + b - c + f;
    const length = Math.sqrt(gx * gx + gy * gy + gz * gz) || 1;
    this.nx = gx / length;
    this.ny = gy / length;
    this.nz = gz / length;
    const slope = this.nx * dx + this.ny * dy + this.nz * dz;
    // A curved surface may bend away from a ray that grazes it.
    const flat = shape.form === "plane" || shape.form === "room" || shape.form === "box";
    this.t = t + d / Math.max(flat ? 5e-3 : 0.05, -slope);
    this.hit = shape;
  }

  /** Keeps the shapes whose spheres the ray meets, and where it does. */
  #collect(
    ox: number,
    oy: number,
    oz: number,
    dx: number,
    dy: number,
    dz: number,
    far: number,
    skip: Shape | undefined,
    opaque: boolean,
  ): number {
    const { shapes } = this.scene;
    let count = 0;
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i]!;
      if (shape === skip || (opaque && (shape.material.glass || shape.material.glow))) continue;
      if (shape.meets(ox, oy, oz, dx, dy, dz, far)) this.#candidates[count++] = shape;
    }
    return count;
  }

  /** How much light passes from a point to a light `far` away: 0 to 1, with soft edges. */
  #shadow(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, far: number): number {
    const count = this.#collect(ox, oy, oz, dx, dy, dz, far, undefined, true);
    const candidates = this.#candidates;
    let t = 0.01;
    let light = 1;
    for (let step = 0; step < 40 && t < far; step++) {
      let least = far;
      for (let i = 0; i < count; i++) {
        const shape = candidates[i]!;
        if (t > shape.leave) continue;
        const ahead = shape.enter - t;
        if (ahead > 0.05) {
          if (ahead < least) least = ahead;
          continue;
        }
        const d = shape.distance(ox + t * dx, oy + t * dy, oz + t * dz);
        if (d < least) least = d;
        if (14 * d < light * t) light = (14 * d) / t;
      }
      if (light < 0.005) return 0;
      t += Math.max(0.01, least);
    }
    return light;
  }

  /** The light that arrives along a ray, written to `out` (linear). Sets `hit` and `t` of the first surface. */
  shade(
    ox: number,
    oy: number,
    oz: number,
    dx: number,
    dy: number,
    dz: number,
    out: Float64Array,
    bounces = 2,
    skip?: Shape,
  ): void {
    const { scene } = this;
    if (!this.trace(ox, oy, oz, dx, dy, dz, skip)) {
      skyAt(scene.sky, dx, dy, dz, out);
      return;
    }
    const { t, nx, ny, nz } = this;
    const shape = this.hit as Shape;
    const { material } = shape;
    const x = ox + t * dx;
    const y = oy + t * dy;
    const z = oz + t * dz;
    const color = this.#color;
    colorAt(material, x - shape.x, y - shape.y, z - shape.z, nx, ny, nz, color);
    const [red, green, blue] = [color[0]!, color[1]!, color[2]!];
    const glow = material.glow ?? 0;
    // A dim light from above, darker in corners.
    const open = occlusion(scene.shapes, x, y, z, nx, ny, nz) * (0.7 + 0.3 * ny);
    let lr = scene.ambient[0] * open + glow;
    let lg = scene.ambient[1] * open + glow;
    let lb = scene.ambient[2] * open + glow;
    let shine = 0;
    if (!glow)
      for (const light of scene.lights) {
        const lamp = light.kind === "lamp";
        let lx = lamp ? light.at[0] - x : light.at[0];
        let ly = lamp ? light.at[1] - y : light.at[1];
        let lz = lamp ? light.at[2] - z : light.at[2];
        const length = Math.sqrt(lx * lx + ly * ly + lz * lz);
        lx /= length;
        ly /= length;
        lz /= length;
        const facing = nx * lx + ny * ly + nz * lz;
        if (facing <= 0) continue;
        const lift = 2e-3 * (1 + t);
        const far = lamp ? length - 0.05 : 60;
        const visible = this.#shadow(x + lift * nx, y + lift * ny, z + lift * nz, lx, ly, lz, far);
        if (visible === 0) continue;
        const strength = (visible * facing) / (lamp ? 0.3 + length * length : 1);
        lr += strength * light.color[0];
        lg += strength * light.color[1];
        lb += strength * light.color[2];
        if (!material.gloss) continue;
        const hx = lx - dx;
        const hy = ly - dy;
        const hz = lz - dz;
        const half = (nx * hx + ny * hy + nz * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
        shine += material.gloss * strength * light.color[1] * Math.max(0, half) ** 40;
      }
    const slope = Math.min(0, nx * dx + ny * dy + nz * dz);
    // Glass reflects more at grazing angles (Schlick 1994).
    const mirror =
      bounces > 0 ? (material.mirror ?? 0) + (material.glass ? 0.05 + 0.95 * (1 + slope) ** 5 : 0) : 0;
    const pass = bounces > 0 ? (material.glass ?? 0) * (1 - mirror) : 0;
    const keep = 1 - mirror - pass;
    let [r, g, b] = [keep * red * lr + shine, keep * green * lg + shine, keep * blue * lb + shine];
    if (mirror > 0.02) {
      const [mx, my, mz] = [dx - 2 * slope * nx, dy - 2 * slope * ny, dz - 2 * slope * nz];
      this.shade(x + 2e-3 * nx, y + 2e-3 * ny, z + 2e-3 * nz, mx, my, mz, out, bounces - 1, shape);
      r += mirror * out[0]!;
      g += mirror * out[1]!;
      b += mirror * out[2]!;
    }
    if (pass > 0) {
      this.shade(x, y, z, dx, dy, dz, out, bounces - 1, shape);
      r += pass * out[0]! * (0.8 + 0.2 * red);
      g += pass * out[1]! * (0.8 + 0.2 * green);
      b += pass * out[2]! * (0.8 + 0.2 * blue);
    }
    this.hit = shape;
    this.t = t;
    const { haze } = scene.sky;
    if (haze > 0) {
      const clear = Math.exp(-haze * t);
      skyAt(scene.sky, dx, Math.max(dy, 0), dz, out);
      [r, g, b] = [
        r * clear + out[0]! * (1 - clear),
        g * clear + out[1]! * (1 - clear),
        b * clear + out[2]! * (1 - clear),
      ];
    }
    out[0] = r;
    out[1] = g;
    out[2] = b;
  }
}

/** The distance to other surfaces in front of this one, as a factor of the dim light. */
function occlusion(
  shapes: readonly Shape[],
  x: number,
  y: number,
  z: number,
  nx: number,
  ny: number,
  nz: number,
) {
  const reach = 0.3;
  const px = x + reach * nx;
  const py = y + reach * ny;
  const pz = z + reach * nz;
  let least = reach;
  for (let i = 0; i < shapes.length; i++) {
    const shape = shapes[i]!;
    const cx = shape.x - px;
    const cy = shape.y - py;
    const cz = shape.z - pz;
    const beyond = shape.radius + least;
    if (cx * cx + cy * cy + cz * cz > beyond * beyond) continue;
    least = Math.min(least, shape.distance(px, py, pz));
  }
  return 0.35 + 0.65 * Math.max(0, least / reach);
}

function skyAt(
  { zenith, horizon, clouds, seed }: Sky,
  dx: number,
  dy: number,
  dz: number,
  out: Float64Array,
): void {
  const up = Math.max(0, dy) ** 0.6;
  let cloud = 0;
  if (clouds > 0 && dy > 0.02) {
    const density = fractal2((2 * dx) / (dy + 0.15), (2 * dz) / (dy + 0.15), 4, seed);
    cloud = Math.max(0, Math.min(1, 4 * (density - 0.75 + 0.5 * clouds))) * Math.min(1, 6 * dy);
  }
  for (let c = 0; c < 3; c++) {
    const clear = horizon[c]! + (zenith[c]! - horizon[c]!) * up;
    out[c] = clear + (0.95 - clear) * cloud;
  }
}
