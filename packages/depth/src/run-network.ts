/** The networks of all families, asked in one way. */
import { type Planes, pictureAt, stack } from "@tessera-ml/media";
import { Linear, type Module } from "@tessera-ml/nn";
import { type Compiled, compile, fromArray, type Tensor } from "@tessera-ml/tensor";
import type { RunDtype } from "./dtypes.ts";
import type { DepthAndSky } from "./models/depth-anything-3.ts";
import { VideoDepthAnything } from "./models/video-depth-anything.ts";
import { replaceSky } from "./sky.ts";

/** From preprocessed images, [B, 3, H, W], to maps, [B, H, W]. */
export interface DepthModule extends Module {
  forward(x: Tensor): Tensor | DepthAndSky;
}

/** A network in inference mode, as one frozen graph for each shape of its input. */
export class NetworkRun {
  readonly #name: string;
  readonly #ask: Compiled<[Tensor], Tensor | DepthAndSky>;
  /** Whether it sees several frames of a video at once: {@link clip}. */
  readonly seesClips: boolean;

  /**
   * @param name in error messages
   * @throws RangeError if 8 bits would change nothing: only linear layers use them
   */
  constructor(name: string, module: DepthModule, dtype: RunDtype = "float32") {
    const int8 = dtype === "int8";
    if (int8 && !Iterator.from(module.namedModules()).some(([, part]) => part instanceof Linear))
      throw new RangeError(`dtype: ${name} has no linear layers to compute in int8`);
    this.#name = name;
    this.seesClips = module instanceof VideoDepthAnything;
    this.#ask = compile((x: Tensor) => module.forward(x), { freeze: true, int8, name });
  }

  /** The maps of inputs of one size, each [1, h, w]; sky lies behind everything else. */
  async maps(inputs: readonly Planes[]): Promise<Planes[]> {
    const { data, shape } = stack(inputs);
    const output = this.#ask(fromArray(data as Float32Array<ArrayBuffer>, [...shape]));
    if (!("sky" in output)) return await this.#planesOf(output);
    const [depths, skies] = [await this.#planesOf(output.depth), await this.#planesOf(output.sky)];
    return depths.map((depth, i) => replaceSky(depth, skies[i] as Planes));
  }

  /** The maps of consecutive frames, which are seen together, each [1, h, w]. */
  async clip(frames: readonly Planes[]): Promise<Planes[]> {
    const { data, shape } = stack(frames);
    const output = this.#ask(fromArray(data as Float32Array<ArrayBuffer>, [1, ...shape])); // [1, T, h, w]
    return await this.#planesOf((output as Tensor).squeeze(0));
  }

  /** Frees the sessions; asking again makes others. */
  release(): void {
    this.#ask.release();
  }

  /** @param output [B, h, w] */
  async #planesOf(output: Tensor): Promise<Planes[]> {
    const [count, height, width] = output.shape as [number, number, number];
    const data = Float32Array.from((await output.data()) as Float32Array);
    const bad = data.find((value) => !Number.isFinite(value));
    if (bad !== undefined)
      throw new RangeError(`${this.#name}: the network gives ${bad}: its weights are too large, or damaged`);
    const maps = { data, shape: [count, 1, height, width] as const };
    return Array.from({ length: count }, (_, i) => pictureAt(maps, i));
  }
}
