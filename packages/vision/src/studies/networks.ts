/** Building blocks of the studies' small networks, and a frame that stacks them. */
import { BatchNorm2d, Conv2d, init, type Layer, Linear, Module, Sequential } from "@tessera-ml/nn";
import { maxPool2d, type Tensor } from "@tessera-ml/tensor";

export const relu = (x: Tensor): Tensor => x.relu();
export const halve = (x: Tensor): Tensor => maxPool2d(x, 2);
export const globalMean = (x: Tensor): Tensor => x.mean([2, 3]);

export interface ConvNormOptions {
  readonly stride?: number;
  readonly groups?: number;
}

/** A convolution that keeps the size (at stride 1), then batch norm. */
export function convNorm(
  inputs: number,
  width: number,
  kernel: number,
  options: ConvNormOptions = {},
): Sequential {
  return new Sequential(
    new Conv2d(inputs, width, kernel, { ...options, padding: (kernel - 1) / 2, bias: false }),
    new BatchNorm2d(width),
  );
}

/** The same with a ReLU. */
export function convUnit(
  inputs: number,
  width: number,
  kernel: number,
  options: ConvNormOptions = {},
): Sequential {
  return new Sequential(convNorm(inputs, width, kernel, options), relu);
}

/** body(x) + x, then ReLU (He et al. 2015); a 1x1 convolution of x if the body changes its shape. */
export class Residual extends Module {
  body: Sequential;
  shortcut: Sequential | undefined;
  constructor(body: Sequential, inputs: number, width: number, stride: number) {
    super();
    this.body = body;
    if (stride !== 1 || inputs !== width) this.shortcut = convNorm(inputs, width, 1, { stride });
  }
  forward(x: Tensor): Tensor {
    return this.body
      .forward(x)
      .add(this.shortcut ? this.shortcut.forward(x) : x)
      .relu();
  }
}

/** Maps [N, inputs, H, W] to [N, width, H/stride, W/stride]. */
export type Block = (inputs: number, width: number, stride: number) => Layer;

export interface StagesOptions {
  /** Channels of the stages; each has half the resolution of the previous one. */
  readonly widths: readonly number[];
  /** Blocks per stage. */
  readonly count: number;
  readonly block: Block;
  /** Default 3: the channels of an image. */
  readonly inputs?: number;
  readonly classes?: number;
}

/** A 3x3 convolution, stages of blocks (the first at half resolution), global average pooling, a linear layer. */
export function stages({ widths, count, block, inputs = 3, classes = 10 }: StagesOptions): Sequential {
  const first = widths[0] as number;
  let channels = first;
  const blocks = widths.flatMap((width) =>
    Array.from({ length: count }, (_, i) => {
      const made = block(channels, width, i === 0 ? 2 : 1);
      channels = width;
      return made;
    }),
  );
  return started(
    new Sequential(
      convUnit(inputs, first, 3), // [N, widths[0], H, W]
      ...blocks, // [N, widths.at(-1), H/2ˢ, W/2ˢ] after s stages
      globalMean, // [N, widths.at(-1)]
      new Linear(channels, classes),
    ),
  );
}

/** Gives every convolution the initialization of He et al. 2015. */
export function started<M extends Module>(net: M): M {
  for (const module of net.namedModules().values())
    if (module instanceof Conv2d) module.weight.assign(init.kaimingNormal(module.weight.shape));
  return net;
}
