/**
 * The head of Depth Anything, from Vision Transformers for Dense Prediction (Ranftl et al. 2021, "DPT"): the tokens
 * of four blocks become feature maps of four resolutions, which are fused from coarse to fine.
 *
 * Parameters are named as in Depth Anything's files.
 */
import { Conv2d, ConvTranspose2d, Identity, Module, ReLU, Sequential } from "@tessera-ml/nn";
import { resize, type Tensor } from "@tessera-ml/tensor";

export type Four<T> = readonly [T, T, T, T];
export type Grid = readonly [rows: number, columns: number];

export interface DPTHeadConfig {
  /** Features of a token. */
  readonly dim: number;
  /** Channels of the fused maps. */
  readonly features: number;
  /** Channels of the four maps before fusion, fine to coarse. */
  readonly outChannels: Four<number>;
  /** Side of a patch, default 14. */
  readonly patch?: number;
  /** Whether the coarsest fusion has the (unused) unit for a second input; default true. */
  readonly unusedUnit?: boolean;
}

export const conv3x3 = (from: number, to: number, options: { bias?: boolean; stride?: number } = {}) =>
  new Conv2d(from, to, 3, { padding: 1, ...options });

/** x + conv(relu(conv(relu(x)))), [B, F, H, W]. */
export class ResidualConvUnit extends Module {
  conv1: Conv2d;
  conv2: Conv2d;
  constructor(features: number) {
    super();
    this.conv1 = conv3x3(features, features);
    this.conv2 = conv3x3(features, features);
  }
  forward(x: Tensor): Tensor {
    return this.conv2.forward(this.conv1.forward(x.relu()).relu()).add(x);
  }
}

/** Adds a finer map to a coarser path, refines the sum and enlarges it. */
export class FeatureFusionBlock extends Module {
  out_conv: Conv2d;
  resConfUnit1: ResidualConvUnit | undefined;
  resConfUnit2: ResidualConvUnit;
  constructor(features: number, twoInputs = true, outputs = features) {
    super();
    this.out_conv = new Conv2d(features, outputs, 1);
    if (twoInputs) this.resConfUnit1 = new ResidualConvUnit(features);
    this.resConfUnit2 = new ResidualConvUnit(features);
  }
  /** Path [B, F, h, w] and map [B, F, h, w] to [B, outputs, ...size]. */
  forward(path: Tensor, map: Tensor | undefined, size: readonly number[]): Tensor {
    const sum = map ? path.add((this.resConfUnit1 as ResidualConvUnit).forward(map)) : path;
    const refined = this.resConfUnit2.forward(sum);
    // The published code enlarges first. A 1x1 convolution gives the same before, on a quarter of the pixels.
    return enlarge(this.out_conv.forward(refined), size);
  }
}

/** Everything after the reassembled maps; the name is from MiDaS. */
export class Scratch extends Module {
  layer1_rn: Conv2d;
  layer2_rn: Conv2d;
  layer3_rn: Conv2d;
  layer4_rn: Conv2d;
  refinenet1: FeatureFusionBlock;
  refinenet2: FeatureFusionBlock;
  refinenet3: FeatureFusionBlock;
  refinenet4: FeatureFusionBlock;
  output_conv1: Conv2d;
  output_conv2: Sequential;

  constructor({ features, outChannels: [c1, c2, c3, c4], unusedUnit = true }: DPTHeadConfig) {
    super();
    this.layer1_rn = conv3x3(c1, features, { bias: false });
    this.layer2_rn = conv3x3(c2, features, { bias: false });
    this.layer3_rn = conv3x3(c3, features, { bias: false });
    this.layer4_rn = conv3x3(c4, features, { bias: false });
    this.refinenet1 = new FeatureFusionBlock(features);
    this.refinenet2 = new FeatureFusionBlock(features);
    this.refinenet3 = new FeatureFusionBlock(features);
    this.refinenet4 = new FeatureFusionBlock(features, unusedUnit);
    this.output_conv1 = conv3x3(features, features / 2);
    this.output_conv2 = outputConvolutions(features / 2);
  }
}

/** [B, F, H, W] → [B, 1, H, W] */
export function outputConvolutions(features: number): Sequential {
  return new Sequential(conv3x3(features, 32), new ReLU(), new Conv2d(32, 1, 1));
}

export class DPTHead<S extends Scratch = Scratch> extends Module {
  projects: Conv2d[];
  resize_layers: (Module & { forward(x: Tensor): Tensor })[];
  scratch: S;
  readonly patch: number;

  /** @param scratch replaces the default, for heads with more outputs */
  constructor(config: DPTHeadConfig, scratch = new Scratch(config) as S) {
    super();
    const { dim, outChannels, patch = 14 } = config;
    const [c1, c2, , c4] = outChannels;
    this.patch = patch;
    this.projects = outChannels.map((channels) => new Conv2d(dim, channels, 1));
    this.resize_layers = [
      new ConvTranspose2d(c1, c1, 4, { stride: 4 }),
      new ConvTranspose2d(c2, c2, 2, { stride: 2 }),
      new Identity(),
      conv3x3(c4, c4, { stride: 2 }),
    ];
    this.scratch = scratch;
  }

  /**
   * The tokens of four blocks on a grid of h x w patches to a map of the image's size, before the last activation:
   * four of [B, h · w, D] → [B, 1, 14h, 14w].
   *
   * @param frames length of the clips that make up the batch, for heads that relate frames
   */
  forward(tokens: readonly Tensor[], grid: Grid, frames = 1): Tensor {
    return this.scratch.output_conv2.forward(this.neck(tokens, grid, frames));
  }

  /** Everything before the last convolutions: [B, F/2, 14h, 14w]. */
  protected neck(tokens: readonly Tensor[], grid: Grid, frames: number): Tensor {
    const path = this.fuse(this.reassemble(tokens, grid), frames); // [B, F, 8h, 8w]
    return enlarge(
      this.scratch.output_conv1.forward(path),
      grid.map((side) => side * this.patch),
    );
  }

  /** [B, c1, 4h, 4w], [B, c2, 2h, 2w], [B, c3, h, w] and [B, c4, ⌈h/2⌉, ⌈w/2⌉]. */
  protected reassemble(tokens: readonly Tensor[], [rows, columns]: Grid): Four<Tensor> {
    if (tokens.length !== 4) this.fail(`expected the tokens of 4 blocks, got ${tokens.length}`);
    return tokens.map((x, i) => {
      const [batch, count, dim] = x.shape as [number, number, number];
      if (count !== rows * columns)
        this.fail(`expected [B, ${rows * columns}, D] for ${rows} x ${columns} patches, got ${x}`);
      const map = x.transpose(1, 2).reshape([batch, dim, rows, columns]);
      return this.resize_layers[i]!.forward(this.projects[i]!.forward(map));
    }) as unknown as Four<Tensor>;
  }

  /** Maps of four resolutions to one twice as large as the finest, [B, F, 8h, 8w]. */
  protected fuse([layer1, layer2, layer3, layer4]: Four<Tensor>, _frames: number): Tensor {
    const { scratch } = this;
    const map1 = scratch.layer1_rn.forward(layer1); // [B, F, 4h, 4w]
    const map2 = scratch.layer2_rn.forward(layer2); // [B, F, 2h, 2w]
    const map3 = scratch.layer3_rn.forward(layer3); // [B, F, h, w]
    const map4 = scratch.layer4_rn.forward(layer4); // [B, F, ⌈h/2⌉, ⌈w/2⌉]
    const path4 = scratch.refinenet4.forward(map4, undefined, extent(map3));
    const path3 = scratch.refinenet3.forward(path4, map3, extent(map2));
    const path2 = scratch.refinenet2.forward(path3, map2, extent(map1));
    return scratch.refinenet1.forward(path2, map1, twice(map1));
  }
}

/** Height and width of [B, C, H, W]. */
export function extent(map: Tensor): number[] {
  return map.shape.slice(2);
}

export function twice(map: Tensor): number[] {
  return extent(map).map((side) => 2 * side);
}

/** Bilinear with aligned corners, as everywhere in this head. */
export function enlarge(x: Tensor, size: readonly number[]): Tensor {
  return resize(x, { size, mode: "bilinear", alignCorners: true });
}
