/**
 * A ConvNet for the 2020s (Liu et al. 2022), and ConvNeXt V2 (Woo et al. 2023).
 *
 * A ResNet modernised with design choices of Transformers: a patch stem, depthwise 7x7 convolutions, layer norm, a
 * single GELU, inverted bottlenecks. V2 replaces layer scale with global response norm, by which channels compete.
 * Names are the authors'. ConvNeXt-T: 28,589,128 parameters, 4.46 GMAC, 82.1 % top-1.
 */
import { Conv2d, DropPath, init, LayerNorm, LayerNorm2d, Linear, Module, Sequential } from "@tessera-ml/nn";
import { full, gelu, parameter, type Tensor, type Variable, zeros } from "@tessera-ml/tensor";
import { Classifier, type Part } from "../classifier.ts";

export interface ConvNeXtConfig {
  readonly depths: readonly [number, number, number, number];
  readonly dims: readonly [number, number, number, number];
  readonly version?: 1 | 2;
  /** Patch size of the stem, default 4. */
  readonly patch?: number;
  /** Maximum stochastic depth rate. */
  readonly dropPath?: number;
  readonly classes?: number;
}

const EPS = 1e-6;

/** x + β + γ·x·N, where N is a channel's norm divided by the mean norm (V2, section 3.2). x [N, H, W, C]. */
class GlobalResponseNorm extends Module {
  gamma: Variable;
  beta: Variable;
  constructor(channels: number) {
    super();
    this.gamma = parameter(zeros([1, 1, 1, channels]));
    this.beta = parameter(zeros([1, 1, 1, channels]));
  }
  forward(x: Tensor): Tensor {
    const energy = x.norm([1, 2], { keepDims: true }); // [N, 1, 1, C]
    const relative = energy.div(energy.mean(-1, true).add(EPS));
    return x.add(this.beta).add(this.gamma.mul(x).mul(relative));
  }
}

class Block extends Module {
  dwconv: Conv2d;
  norm: LayerNorm;
  pwconv1: Linear;
  grn: GlobalResponseNorm | undefined;
  pwconv2: Linear;
  gamma: Variable | undefined;
  drop: DropPath;
  constructor(dim: number, version: 1 | 2, dropPath: number) {
    super();
    this.dwconv = new Conv2d(dim, dim, 7, { padding: 3, groups: dim });
    this.norm = new LayerNorm(dim, { eps: EPS });
    this.pwconv1 = new Linear(dim, 4 * dim);
    this.grn = version === 2 ? new GlobalResponseNorm(4 * dim) : undefined;
    this.pwconv2 = new Linear(4 * dim, dim);
    this.gamma = version === 1 ? parameter(full([dim], 1e-6)) : undefined;
    this.drop = new DropPath(dropPath);
  }
  forward(x: Tensor): Tensor {
    let y = this.norm.forward(this.dwconv.forward(x).permute([0, 2, 3, 1])); // [N, H, W, C]
    y = gelu(this.pwconv1.forward(y)); // [N, H, W, 4C]
    if (this.grn) y = this.grn.forward(y);
    y = this.pwconv2.forward(y);
    if (this.gamma) y = y.mul(this.gamma);
    return x.add(this.drop.forward(y.permute([0, 3, 1, 2])));
  }
}

export class ConvNeXt extends Classifier {
  /** The 4x4 stem, then a 2x2 downsampling between stages. */
  downsample_layers: Sequential[];
  stages: Sequential[];
  norm: LayerNorm;
  head: Linear;

  constructor({ depths, dims, version = 1, patch = 4, dropPath = 0, classes = 1000 }: ConvNeXtConfig) {
    super();
    const total = depths.reduce((sum, depth) => sum + depth, 0);
    let seen = 0;
    this.downsample_layers = dims.map((dim, i) => {
      if (i === 0)
        return new Sequential(
          new Conv2d(3, dim, patch, { stride: patch }),
          new LayerNorm2d(dim, { eps: EPS }),
        );
      const before = dims[i - 1] as number;
      return new Sequential(new LayerNorm2d(before, { eps: EPS }), new Conv2d(before, dim, 2, { stride: 2 }));
    });
    this.stages = dims.map((dim, i) => {
      // Stochastic depth: the rate grows linearly with depth.
      const rate = () => (total > 1 ? (dropPath * seen++) / (total - 1) : 0);
      return new Sequential(
        ...Array.from({ length: depths[i] as number }, () => new Block(dim, version, rate())),
      );
    });
    this.norm = new LayerNorm(dims[3], { eps: EPS });
    this.head = new Linear(dims[3], classes);
    for (const module of this.namedModules().values())
      if (module instanceof Conv2d || module instanceof Linear) {
        module.weight.assign(init.truncatedNormal(module.weight.shape, { std: 0.02 }));
        module.bias?.assign(zeros(module.bias.shape));
      }
  }

  parts(): Part[] {
    return [
      ...this.stages.map((stage, i): Part => {
        const shrink = this.downsample_layers[i] as Sequential;
        return { name: `stage${i + 1}`, forward: (x) => stage.forward(shrink.forward(x)) }; // [N, dims[i], H/2ⁱ⁺², W/2ⁱ⁺²]
      }),
      { name: "classifier", forward: (x) => this.head.forward(this.norm.forward(x.mean([2, 3]))) },
    ];
  }
}

export const convnextConfigs = {
  convnext_tiny: { depths: [3, 3, 9, 3], dims: [96, 192, 384, 768] },
  convnext_small: { depths: [3, 3, 27, 3], dims: [96, 192, 384, 768] },
  convnext_base: { depths: [3, 3, 27, 3], dims: [128, 256, 512, 1024] },
  convnext_large: { depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536] },
  convnextv2_atto: { version: 2, depths: [2, 2, 6, 2], dims: [40, 80, 160, 320] },
  convnextv2_femto: { version: 2, depths: [2, 2, 6, 2], dims: [48, 96, 192, 384] },
  convnextv2_pico: { version: 2, depths: [2, 2, 6, 2], dims: [64, 128, 256, 512] },
  convnextv2_nano: { version: 2, depths: [2, 2, 8, 2], dims: [80, 160, 320, 640] },
  convnextv2_tiny: { version: 2, depths: [3, 3, 9, 3], dims: [96, 192, 384, 768] },
  convnextv2_base: { version: 2, depths: [3, 3, 27, 3], dims: [128, 256, 512, 1024] },
  convnextv2_large: { version: 2, depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536] },
  convnextv2_huge: { version: 2, depths: [3, 3, 27, 3], dims: [352, 704, 1408, 2816] },
} as const satisfies Record<string, ConvNeXtConfig>;
