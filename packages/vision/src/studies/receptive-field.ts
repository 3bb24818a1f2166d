import type { Curve, Finding } from "@tessera-ml/kit/studies";
import { Conv2d, init, Sequential } from "@tessera-ml/nn";
import { grad, manualSeed, nextKey, type Tensor, uniform } from "@tessera-ml/tensor";
import { type Context, defineStudy } from "./define.ts";
import { relu } from "./networks.ts";

export interface FieldLayer {
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Default 1. */
  readonly dilation?: number;
}

/** Side, in pixels, of the receptive field of a chain of convolutions. */
export function theoreticalField(layers: readonly FieldLayer[]): number {
  let [field, jump] = [1, 1];
  for (const { kernel, stride = 1, dilation = 1 } of layers) {
    field += (kernel - 1) * dilation * jump;
    jump *= stride;
  }
  return field;
}

const CHANNELS = 8;

/** The chain as a network with random weights. */
function chain(layers: readonly FieldLayer[]): Sequential {
  return new Sequential(
    ...layers.flatMap(({ kernel, stride = 1, dilation = 1 }, i) => {
      const padding = ((kernel - 1) / 2) * dilation;
      const conv = new Conv2d(i === 0 ? 1 : CHANNELS, CHANNELS, kernel, {
        stride,
        dilation,
        padding,
        bias: false,
      });
      conv.weight.assign(init.kaimingNormal(conv.weight.shape));
      return [conv, relu];
    }),
  );
}

/** Influence of each pixel of a central line on the central output, averaged over many networks; the maximum is 1. */
export async function influence(
  layers: readonly FieldLayer[],
  size: number,
  draws: number,
): Promise<number[]> {
  const sum = new Float64Array(size);
  for (let i = 0; i < draws; i++) {
    const net = chain(layers);
    const gradient = grad((x: Tensor) => {
      const y = net.forward(x);
      const middle = Math.floor(((y.shape[2] as number) - 1) / 2);
      return y.index(null, null, middle, middle).sum();
    })(uniform(nextKey(), [1, 1, size, size]));
    // Squared: the paper's measure is the variance of the gradient over weights and inputs (section 2.2).
    const squares = (await gradient.square().reshape([size, size]).sum(0).data()) as Float32Array;
    squares.forEach((value, at) => {
      sum[at] = (sum[at] as number) + value;
    });
  }
  const line = Array.from(sum, Math.sqrt);
  const most = Math.max(...line);
  return line.map((value) => value / most);
}

/** Width of ± two standard deviations, in pixels (section 3.1 of the paper): 95 % of a Gaussian's influence. */
export function effectiveWidth(line: readonly number[]): number {
  const weights = line.map((value) => value ** 2);
  const total = weights.reduce((a, b) => a + b, 0);
  const centre = weights.reduce((sum, w, x) => sum + w * x, 0) / total;
  const variance = weights.reduce((sum, w, x) => sum + w * (x - centre) ** 2, 0) / total;
  return 4 * Math.sqrt(variance);
}

const DEPTHS = [2, 5, 10, 20, 30] as const;
const plain = (depth: number): FieldLayer[] => Array.from({ length: depth }, () => ({ kernel: 3 }));
/** Six layers each: stride and dilation grow the field by factors. */
const CHAINS: Readonly<Record<string, readonly FieldLayer[]>> = {
  "six 3x3": plain(6),
  "six 3x3, every second with stride 2": plain(6).map((layer, i) => ({
    ...layer,
    stride: i % 2 === 1 ? 2 : 1,
  })),
  "six 3x3, dilations 1 2 4 8 1 1": [1, 2, 4, 8, 1, 1].map((dilation) => ({ kernel: 3, dilation })),
};

export interface Field {
  readonly name: string;
  readonly depth: number;
  readonly theoretical: number;
  readonly effective: number;
}

/** The exponent p of y ~ x^p, by least squares on the logarithms. */
export function exponent(xs: readonly number[], ys: readonly number[]): number {
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mu, mv] = [mean(u), mean(v)];
  const covariance = u.reduce((sum, x, i) => sum + (x - mu) * ((v[i] as number) - mv), 0);
  return covariance / u.reduce((sum, x) => sum + (x - mu) ** 2, 0);
}

/** @param depths ordered by depth; @param chains of equal depth, the plain one first */
export function fieldFindings(depths: readonly Field[], chains: readonly Field[]): Finding[] {
  const power = exponent(
    depths.map((f) => f.depth),
    depths.map((f) => f.effective),
  );
  const share = (f: Field) => f.effective / f.theoretical;
  const [first, last] = [depths[0], depths.at(-1)] as [Field, Field];
  const [base, ...others] = chains as [Field, ...Field[]];
  return [
    {
      paper:
        "The effective receptive field grows with the square root of depth, the theoretical one with depth.",
      here: `effective width grows as depth to the power of ${power.toFixed(2)}, from ${first.effective.toFixed(1)} pixels at ${first.depth} layers to ${last.effective.toFixed(1)} at ${last.depth}`,
      holds: Math.abs(power - 0.5) < 0.15,
    },
    {
      paper: "It takes up only a fraction of the theoretical field, shrinking as 1/√depth.",
      here: `${(100 * share(first)).toFixed(0)} % of ${first.theoretical} pixels at ${first.depth} layers, ${(100 * share(last)).toFixed(0)} % of ${last.theoretical} at ${last.depth}`,
      holds: share(last) < 0.5 && share(last) < share(first),
    },
    {
      paper: "Subsampling and dilated convolutions are effective ways to make it grow quickly (section 2.2).",
      here: chains.map((f) => `${f.name}: ${f.effective.toFixed(1)} of ${f.theoretical} pixels`).join("; "),
      holds: others.every((f) => f.effective > 1.2 * base.effective),
    },
  ];
}

async function measureField(
  context: Context,
  name: string,
  layers: readonly FieldLayer[],
  done: number,
): Promise<{ field: Field; curve: Curve }> {
  context.say(name, done);
  const theoretical = theoreticalField(layers);
  const size = theoretical + 16 + ((theoretical + 16) % 2 === 0 ? 1 : 0);
  const line = await influence(layers, size, Math.max(2, Math.round(60 * context.scale)));
  // Strides determine the pixel under the central output.
  const jump = layers.reduce((product, { stride = 1 }) => product * stride, 1);
  const middle = Math.floor((Math.ceil(size / jump) - 1) / 2) * jump;
  const curve = { name, x: line.map((_, i) => i - middle), y: line };
  return { field: { name, depth: layers.length, theoretical, effective: effectiveWidth(line) }, curve };
}

export const receptiveField = defineStudy({
  name: "receptive-field",
  title: "Receptive fields",
  claim:
    "An output's receptive field grows with every layer, stride and dilation, but most of the influence comes from a smaller, bell-shaped region.",
  paper:
    "Luo, Li, Urtasun & Zemel 2016, Understanding the Effective Receptive Field in Deep Convolutional Neural Networks",
  minutes: 0.2,
  async measure(context) {
    manualSeed(context.seed);
    const deep = [];
    for (const depth of DEPTHS)
      deep.push(await measureField(context, `${depth} layers`, plain(depth), DEPTHS.indexOf(depth) / 8));
    const others = [];
    for (const [name, layers] of Object.entries(CHAINS))
      others.push(await measureField(context, name, layers, (DEPTHS.length + others.length) / 8));
    const fields = deep.map(({ field }) => field);
    const growth = (name: string, y: (f: Field) => number): Curve => ({
      name,
      x: fields.map((f) => f.depth),
      y: fields.map(y),
    });
    const distance = { xLabel: "pixels from the centre", yLabel: "influence, at most 1" };
    const row = (f: Field) => [
      f.name,
      f.theoretical,
      f.effective.toFixed(1),
      `${((100 * f.effective) / f.theoretical).toFixed(0)} %`,
    ];
    const columns = ["chain", "theoretical, pixels", "effective, pixels", "share"];
    const chains = others.map(({ field }) => field);
    return {
      plots: [
        {
          title: "Growth with depth",
          xLabel: "3x3 layers",
          yLabel: "pixels along a side",
          curves: [growth("theoretical", (f) => f.theoretical), growth("effective", (f) => f.effective)],
        },
        { title: "Influence of pixels, by depth", ...distance, curves: deep.map(({ curve }) => curve) },
        { title: "Stride and dilation", ...distance, curves: others.map(({ curve }) => curve) },
      ],
      tables: [{ title: "Receptive fields", columns, rows: [...fields, ...chains].map(row) }],
      findings: fieldFindings(fields, chains),
    };
  },
});
