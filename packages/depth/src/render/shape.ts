/** Signed distance fields of simple shapes (Hart 1996; formulas after Quilez). Metres, y up. */
import type { Material } from "./material.ts";
import { fractal2 } from "./noise.ts";

export type Form =
  | "sphere"
  | "box"
  | "cylinder"
  | "torus"
  | "capsule"
  | "cone"
  | "room"
  | "plane"
  | "terrain";

export interface ShapeOptions {
  readonly form: Form;
  readonly at: readonly [x: number, y: number, z: number];
  /**
   * sphere: radius. box, room: half sides. cylinder, capsule: radius, half height. torus: radius, thickness. cone:
   * radius below, half height, radius above. terrain: height, width of its hills, seed.
   */
  readonly size: readonly number[];
  /** Radius of the edges of a box. */
  readonly round?: number;
  /** Turn about the vertical axis, then tilt about the shape's own x axis; radians. */
  readonly yaw?: number;
  readonly tilt?: number;
  readonly material: Material;
}

export class Shape {
  readonly form: Form;
  readonly material: Material;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Of a sphere around the shape; infinite for rooms, planes and terrains. */
  readonly radius: number;
  /** Where the ray of the last `meets` enters and leaves the box around the shape. */
  enter = 0;
  leave = 0;
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #round: number;
  readonly #cosYaw: number;
  readonly #sinYaw: number;
  readonly #cosTilt: number;
  readonly #sinTilt: number;
  /** Half sides of the box around the shape. */
  readonly #wide: number;
  readonly #high: number;
  readonly #deep: number;

  constructor({ form, at, size, round = 0, yaw = 0, tilt = 0, material }: ShapeOptions) {
    this.form = form;
    this.material = material;
    this.x = at[0];
    this.y = at[1];
    this.z = at[2];
    const [a = 0, b = 0, c = 0] = size;
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#round = Math.min(round, a, b || a, c || a);
    this.#cosYaw = Math.cos(yaw);
    this.#sinYaw = Math.sin(yaw);
    this.#cosTilt = Math.cos(tilt);
    this.#sinTilt = Math.sin(tilt);
    const around = boxAround(form, a, b, c);
    this.#wide = around[0] + 1e-3;
    this.#high = around[1] + 1e-3;
    this.#deep = around[2] + 1e-3;
    const bounded = form !== "room" && form !== "plane" && form !== "terrain";
    this.radius = bounded ? Math.hypot(...around) + 2e-3 : Number.POSITIVE_INFINITY;
  }

  /** Whether a ray of length `far` can meet the shape; sets `enter` and `leave`. */
  meets(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, far: number): boolean {
    const px = ox - this.x;
    const py = oy - this.y;
    const pz = oz - this.z;
    if (this.radius < far) {
      const along = px * dx + py * dy + pz * dz;
      if (px * px + py * py + pz * pz - along * along > this.radius * this.radius) return false;
    }
    const turnedP = this.#sinYaw * px + this.#cosYaw * pz;
    const turnedD = this.#sinYaw * dx + this.#cosYaw * dz;
    const x = this.#cosYaw * px - this.#sinYaw * pz;
    const y = this.#cosTilt * py + this.#sinTilt * turnedP;
    const z = this.#cosTilt * turnedP - this.#sinTilt * py;
    // Division by zero gives infinities of the right signs.
    const ix = 1 / (this.#cosYaw * dx - this.#sinYaw * dz);
    const iy = 1 / (this.#cosTilt * dy + this.#sinTilt * turnedD);
    const iz = 1 / (this.#cosTilt * turnedD - this.#sinTilt * dy);
    const [wx, wy, wz] = [this.#wide * Math.abs(ix), this.#high * Math.abs(iy), this.#deep * Math.abs(iz)];
    const enter = Math.max(-x * ix - wx, -y * iy - wy, -z * iz - wz);
    const leave = Math.min(-x * ix + wx, -y * iy + wy, -z * iz + wz);
    if (this.form === "room") {
      // Seen from inside: the walls are where the ray leaves.
      this.enter = leave - 0.03;
      this.leave = far;
      return true;
    }
    this.enter = enter;
    this.leave = leave;
    return !(enter > leave || leave < 0 || enter > far);
  }

  /** The distance of a point; negative inside. Of a terrain, a lower bound. */
  distance(px: number, py: number, pz: number): number {
    const dx = px - this.x;
    const dy = py - this.y;
    const dz = pz - this.z;
    const turned = this.#sinYaw * dx + this.#cosYaw * dz;
    const x = this.#cosYaw * dx - this.#sinYaw * dz;
    const y = this.#cosTilt * dy + this.#sinTilt * turned;
    const z = this.#cosTilt * turned - this.#sinTilt * dy;
    const a = this.#a;
    const b = this.#b;
    switch (this.form) {
      case "sphere":
        return Math.sqrt(x * x + y * y + z * z) - a;
      case "box": {
        const r = this.#round;
        const qx = Math.abs(x) - a + r;
        const qy = Math.abs(y) - b + r;
        const qz = Math.abs(z) - this.#c + r;
        return outside3(qx, qy, qz) + Math.min(Math.max(qx, qy, qz), 0) - r;
      }
      case "cylinder": {
        const qx = Math.sqrt(x * x + z * z) - a;
        const qy = Math.abs(y) - b;
        return outside3(qx, qy, 0) + Math.min(Math.max(qx, qy), 0);
      }
      case "torus": {
        const q = Math.sqrt(x * x + z * z) - a;
        return Math.sqrt(q * q + y * y) - b;
      }
      case "capsule": {
        const along = y - Math.max(-b, Math.min(b, y));
        return Math.sqrt(x * x + along * along + z * z) - a;
      }
      case "cone":
        return cone(Math.sqrt(x * x + z * z), y, a, this.#c, b);
      case "room":
        return Math.min(a - Math.abs(x), b - Math.abs(y), this.#c - Math.abs(z));
      case "plane":
        return y;
      case "terrain":
        // The slope is at most about 1.3, so the vertical distance is at most 1.6 times the true one.
        return (y - terrainHeight(px, pz, a, b, this.#c)) * 0.6;
    }
  }
}

/** The length of a vector without its negative parts. */
function outside3(x: number, y: number, z: number): number {
  const ox = Math.max(x, 0);
  const oy = Math.max(y, 0);
  const oz = Math.max(z, 0);
  return Math.sqrt(ox * ox + oy * oy + oz * oz);
}

/** The height of a terrain above its level. */
export function terrainHeight(x: number, z: number, height: number, width: number, seed: number): number {
  return height * (fractal2(x / width, z / width, 4, seed) - 0.5);
}

/** A cone with flat ends: radius `below` at −h and `above` at h; q is the distance from the axis. */
function cone(q: number, y: number, below: number, above: number, h: number): number {
  const ax = q - Math.min(q, y < 0 ? below : above);
  const ay = Math.abs(y) - h;
  const kx = above - below;
  const ky = 2 * h;
  const t = Math.max(0, Math.min(1, ((above - q) * kx + (h - y) * ky) / (kx * kx + ky * ky)));
  const bx = q - above + kx * t;
  const by = y - h + ky * t;
  const sign = bx < 0 && ay < 0 ? -1 : 1;
  return sign * Math.sqrt(Math.min(ax * ax + ay * ay, bx * bx + by * by));
}

/** Half sides of a box around a shape, in its own axes. */
function boxAround(form: Form, a: number, b: number, c: number): [number, number, number] {
  const endless = 1e6;
  switch (form) {
    case "sphere":
      return [a, a, a];
    case "cylinder":
      return [a, b, a];
    case "torus":
      return [a + b, b, a + b];
    case "capsule":
      return [a, a + b, a];
    case "cone":
      return [Math.max(a, c), b, Math.max(a, c)];
    case "plane":
      return [endless, 1e-3, endless];
    case "terrain":
      return [endless, a / 2, endless];
    default:
      return [a, b, c];
  }
}
