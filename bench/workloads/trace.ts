import type { ConvSpec, Forward, Ops } from "./models.ts";

export interface Traced {
  /** Parameters and buffers, with PyTorch's names and shapes. */
  readonly parameters: ReadonlyMap<string, readonly number[]>;
  /** Floating-point operations of the matrix products and convolutions in one forward pass. */
  readonly flops: number;
}

type Shape = readonly number[];

/** Runs a network on shapes alone, to collect its parameters and count its operations. */
export function trace(forward: Forward, input: Shape): Traced {
  const parameters = new Map<string, Shape>();
  let flops = 0;

  function declare(name: string, shape: Shape): Shape {
    parameters.set(name, shape);
    return shape;
  }
  function convolve(
    [n, h, w, c]: Shape,
    name: string,
    { out, kernel, stride = 1, pad = 0 }: ConvSpec,
  ): Shape {
    declare(`${name}.weight`, [out, c!, kernel, kernel]);
    const y = [n!, slide(h!, kernel, stride, pad), slide(w!, kernel, stride, pad), out];
    flops += 2 * size(y) * c! * kernel * kernel;
    return y;
  }
  const same = (x: Shape): Shape => x;
  const ops: Ops<Shape> = {
    parameter: declare,
    conv(x, name, spec) {
      const y = convolve(x, name, spec);
      declare(`${name}.bias`, [spec.out]);
      return y;
    },
    convNorm(x, conv, norm, spec) {
      const y = convolve(x, conv, spec);
      for (const field of ["weight", "bias", "running_mean", "running_var"])
        declare(`${norm}.${field}`, [spec.out]);
      return y;
    },
    linear(x, name, out) {
      declare(`${name}.weight`, [out, x.at(-1)!]);
      declare(`${name}.bias`, [out]);
      flops += 2 * size(x) * out;
      return [...x.slice(0, -1), out];
    },
    layerNorm(x, name) {
      declare(`${name}.weight`, [x.at(-1)!]);
      declare(`${name}.bias`, [x.at(-1)!]);
      return x;
    },
    relu: same,
    gelu: same,
    add: same,
    maxPool: ([n, h, w, c], kernel, stride, pad) => [
      n!,
      slide(h!, kernel, stride, pad),
      slide(w!, kernel, stride, pad),
      c!,
    ],
    meanPixels: ([n, , , c]) => [n!, c!],
    flatten: ([n, h, w, c]) => [n!, c! * h! * w!],
    tokens: ([n, h, w, c]) => [n!, h! * w!, c!],
    prepend: (_, [b, t, c]) => [b!, t! + 1, c!],
    firstToken: ([b, , c]) => [b!, c!],
    attention([b, t, c]) {
      flops += (4 * b! * t! * t! * c!) / 3;
      return [b!, t!, c! / 3];
    },
  };
  forward(ops, input);
  return { parameters, flops };
}

/** Positions of a window along an axis. */
function slide(length: number, kernel: number, stride: number, pad: number): number {
  return Math.floor((length + 2 * pad - kernel) / stride) + 1;
}

export function size(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}
