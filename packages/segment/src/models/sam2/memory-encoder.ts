/**
 * The memory encoder (Ravi et al. 2024, section 4): a mask, brought to the size of the image's map, is added to it and
 * fused by ConvNeXt blocks (Liu et al. 2022).
 */
import { Conv2d, LayerNorm2d, Linear, Module, Sequential } from "@tessera-ml/nn";
import { full, gelu, parameter, type Tensor, type Variable } from "@tessera-ml/tensor";

/** Halves a mask four times: [B, 1, H, W] → [B, D, H/16, W/16] */
class MaskDownsampler extends Module {
  encoder: Sequential;
  constructor(dim: number) {
    super();
    const halve = (channels: number) => [
      new Conv2d(channels, 4 * channels, 3, { stride: 2, padding: 1 }),
      new LayerNorm2d(4 * channels, { eps: 1e-6 }),
      gelu,
    ];
    this.encoder = new Sequential(...[1, 4, 16, 64].flatMap(halve), new Conv2d(256, dim, 1));
  }
  forward(mask: Tensor): Tensor {
    return this.encoder.forward(mask);
  }
}

class ConvNeXtBlock extends Module {
  dwconv: Conv2d;
  norm: LayerNorm2d;
  pwconv1: Linear;
  pwconv2: Linear;
  gamma: Variable;

  constructor(dim: number) {
    super();
    this.dwconv = new Conv2d(dim, dim, 7, { padding: 3, groups: dim });
    this.norm = new LayerNorm2d(dim, { eps: 1e-6 });
    this.pwconv1 = new Linear(dim, 4 * dim);
    this.pwconv2 = new Linear(4 * dim, dim);
    this.gamma = parameter(full([dim], 1e-6));
  }

  /** [B, D, H, W] */
  forward(x: Tensor): Tensor {
    const y = this.norm.forward(this.dwconv.forward(x)).permute([0, 2, 3, 1]); // [B, H, W, D]
    const mixed = this.pwconv2.forward(gelu(this.pwconv1.forward(y))).mul(this.gamma);
    return x.add(mixed.permute([0, 3, 1, 2]));
  }
}

class Fuser extends Module {
  layers: ConvNeXtBlock[];
  constructor(dim: number, depth: number) {
    super();
    this.layers = Array.from({ length: depth }, () => new ConvNeXtBlock(dim));
  }
  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }
}

export class MemoryEncoder extends Module {
  mask_downsampler: MaskDownsampler;
  pix_feat_proj: Conv2d;
  fuser: Fuser;
  out_proj: Conv2d;

  constructor(dim: number, memory: number, { depth = 2 }: { readonly depth?: number | undefined } = {}) {
    super();
    this.mask_downsampler = new MaskDownsampler(dim);
    this.pix_feat_proj = new Conv2d(dim, dim, 1);
    this.fuser = new Fuser(dim, depth);
    this.out_proj = new Conv2d(dim, memory, 1);
  }

  /** @param map [B or 1, D, H/16, W/16] @param mask from -10 to 10, [B, 1, H, W] @returns [B, E, H/16, W/16] */
  forward(map: Tensor, mask: Tensor): Tensor {
    const fused = this.pix_feat_proj.forward(map).add(this.mask_downsampler.forward(mask));
    return this.out_proj.forward(this.fuser.forward(fused));
  }
}
