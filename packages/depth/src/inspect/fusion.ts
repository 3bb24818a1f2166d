/** What goes on in the decoders of MiDaS and DPT, which Depth Anything and our own network share. */
import { Planes } from "@tessera-ml/media";
import type { Module } from "@tessera-ml/nn";
import { inInference, moduleOutputs } from "@tessera-ml/nn/inspect";
import { evaluate, type Tensor } from "@tessera-ml/tensor";
import { DepthError } from "../error.ts";

/** The encoder's map of one resolution, as the decoder takes it. */
export interface Stage {
  /** 1 is the finest. */
  readonly stage: number;
  /** Of the map, [1, C, h, w]. */
  readonly shape: readonly number[];
  /** Root mean square over its channels, [1, h, w]. */
  readonly strength: Planes;
}

/** The decoder's path after the map of a stage was fused into it. */
export interface Fusion extends Stage {
  /**
   * What the last convolutions read from the path as it is here, [1, h', w']: disparity or depth before the last
   * activation. `undefined` where the path has other channels than they take.
   */
  readonly reading: Planes | undefined;
}

export interface Decoding {
  /** Fine to coarse. */
  readonly stages: readonly Stage[];
  /** Coarse to fine, the order in which they are computed. */
  readonly fusions: readonly Fusion[];
}

type Convolutions = Module & { forward(x: Tensor): Tensor };
type Forward = Module & { forward(x: Tensor): unknown };

/** The parts of a decoder by the names that all of them share. */
interface Parts {
  readonly output_conv?: Convolutions;
  readonly output_conv1?: Convolutions;
  readonly output_conv2?: Convolutions;
}

/**
 * Runs a network and keeps what its decoder computes on the way.
 *
 * @param x [1, 3, H, W], preprocessed
 * @throws DepthError `no-fusion`
 */
export async function decoding(model: Forward, x: Tensor): Promise<Decoding> {
  return await inInference(model, async () => {
    const outputs = moduleOutputs(model, () => model.forward(x));
    const [prefix] = [...outputs.keys()].flatMap((path) => /^(.*)refinenet1$/.exec(path)?.[1] ?? []);
    if (prefix === undefined)
      throw new DepthError("no-fusion", `${model.constructor.name} has no decoder that fuses four maps`);
    const at = (name: string) => outputs.get(`${prefix}${name}`) as Tensor;
    const decoder = model.namedModules().get(prefix.slice(0, -1)) as Module & Parts;
    const finest = at("refinenet1").shape[1];
    const read = (path: Tensor) => {
      if (path.shape[1] !== finest) return undefined;
      const { output_conv, output_conv1, output_conv2 } = decoder;
      return output_conv?.forward(path) ?? output_conv2?.forward(output_conv1!.forward(path));
    };
    const stages = [1, 2, 3, 4].map((stage) => ({ stage, map: at(`layer${stage}_rn`) }));
    const fusions = [4, 3, 2, 1].map((stage) => {
      const map = at(`refinenet${stage}`);
      return { stage, map, reading: read(map) };
    });
    const strengths = [...stages, ...fusions].map(({ map }) => map.square().mean(1).sqrt());
    await evaluate(...strengths, ...fusions.flatMap(({ reading }) => reading ?? []));
    const planes = await Promise.all(strengths.map(planesOf));
    const kept = ({ stage, map }: { stage: number; map: Tensor }, i: number): Stage => ({
      stage,
      shape: [...map.shape],
      strength: planes[i]!,
    });
    return {
      stages: stages.map(kept),
      fusions: await Promise.all(
        fusions.map(async (fusion, i) => ({
          ...kept(fusion, 4 + i),
          reading: fusion.reading && (await planesOf(fusion.reading)),
        })),
      ),
    };
  });
}

/** [1, h, w] or [1, 1, h, w] */
async function planesOf(map: Tensor): Promise<Planes> {
  const [height, width] = map.shape.slice(-2) as [number, number];
  return new Planes(1, height, width, Float32Array.from((await map.data()) as Float32Array));
}
