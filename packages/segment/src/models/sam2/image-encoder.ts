/** The image encoder of SAM 2 (Ravi et al. 2024, section 4): a trunk and a feature pyramid (Lin et al. 2017). */
import { Conv2d, Module } from "@tessera-ml/nn";
import { resize, type Tensor } from "@tessera-ml/tensor";
import { LiteEncoder } from "@tessera-ml/vision/models";
import { Hiera, type HieraConfig } from "./hiera.ts";

/** What sees the image: Hiera, or for our own small network the convolutions of EfficientNet-Lite0. */
export type TrunkConfig = HieraConfig | "efficientnet_lite0";

export interface Trunk extends Module {
  /** Channels of the maps, fine to coarse. */
  readonly widths: readonly number[];
  /** Images, [B, 3, H, W], to maps of strides 4, 8, 16 and 32. */
  forward(x: Tensor): Tensor[];
}

function trunkOf(config: TrunkConfig): Trunk {
  return config === "efficientnet_lite0" ? new LiteEncoder() : new Hiera(config);
}

class Lateral extends Module {
  conv: Conv2d;
  constructor(channels: number, dim: number) {
    super();
    this.conv = new Conv2d(channels, dim, 1);
  }
  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

/** Only the map of stride 16 receives the coarser one; those of strides 4 and 8 are for the mask decoder's details. */
export class Neck extends Module {
  /** From the coarsest map to the finest. */
  convs: Lateral[];

  constructor(widths: readonly number[], dim: number) {
    super();
    this.convs = [...widths].reverse().map((channels) => new Lateral(channels, dim));
  }

  /** @param maps of strides 4, 8, 16, 32 @returns as many, of D channels */
  forward(maps: readonly Tensor[]): Tensor[] {
    const last = maps.length - 1;
    const lateral = maps.map((map, i) => (this.convs[last - i] as Lateral).forward(map));
    const coarse = resize(lateral[last] as Tensor, { scale: 2, mode: "nearest" });
    return lateral.map((map, i) => (i === last - 1 ? map.add(coarse) : map));
  }
}

export class ImageEncoder extends Module {
  trunk: Trunk;
  neck: Neck;

  constructor(config: TrunkConfig, dim: number) {
    super();
    this.trunk = trunkOf(config);
    this.neck = new Neck(this.trunk.widths, dim);
  }

  /** [B, 3, H, W] → [B, D, H/4, W/4], [B, D, H/8, W/8], [B, D, H/16, W/16] and [B, D, H/32, W/32] */
  forward(x: Tensor): Tensor[] {
    return this.neck.forward(this.trunk.forward(x));
  }
}
