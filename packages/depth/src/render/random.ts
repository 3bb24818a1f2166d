/** Drawing scenes: random numbers and what is made of them. */
import type { Image } from "@tessera-ml/media";
import { HostRandom } from "@tessera-ml/tensor";
import { type Material, PATTERNS, type Pattern, type Rgb } from "./material.ts";

export class Draw {
  readonly #random: HostRandom;
  readonly #photos: readonly Image[];

  constructor(seed: number, photos: readonly Image[]) {
    this.#random = new HostRandom(seed);
    this.#photos = photos;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.#random.next();
  }
  /** An integer from `low` to `high`. */
  count(low: number, high: number): number {
    return low + this.#random.below(high - low + 1);
  }
  chance(p: number): boolean {
    return this.#random.next() < p;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T;
  }
  normal(): number {
    return this.#random.normal();
  }

  /** A colour of a hue, with some grey in it; linear. */
  color(lightness = this.between(0.15, 0.85), saturation = this.between(0, 1) ** 2): Rgb {
    const hue = this.between(0, 6);
    const channel = (shift: number) => {
      const k = (hue + shift) % 6;
      return (lightness * (1 - saturation * Math.max(0, Math.min(1, 2 - Math.abs(k - 3))))) ** 2.2;
    };
    return [channel(0), channel(2), channel(4)];
  }

  material(pattern: Pattern = this.pick(PATTERNS), more: Partial<Material> = {}): Material {
    const first = this.color();
    return {
      pattern,
      colors: [
        first,
        this.chance(0.5) ? this.color() : (first.map((value) => value * 0.5) as unknown as Rgb),
      ],
      scale: this.between(0.15, 1),
      seed: this.count(0, 1e6),
      gloss: this.chance(0.3) ? this.between(0.1, 0.8) : 0,
      ...more,
    };
  }

  /** A material that often shows a photograph, if there are any. */
  surface(share = 0.3, width: readonly [number, number] = [1, 4]): Material {
    if (this.#photos.length === 0 || !this.chance(share)) return this.material();
    return this.material("plain", { photo: this.pick(this.#photos), scale: this.between(...width) });
  }
}
