/** The networks of the bench as a Tessera user would write them; images are [N, C, H, W]. */
import { BatchNorm2d, Conv2d, LayerNorm, Linear, Module, Sequential } from "@tessera-ml/nn";
import {
  concat,
  gelu,
  maxPool2d,
  parameter,
  scaledDotProductAttention,
  type Tensor,
  type Variable,
  zeros,
} from "@tessera-ml/tensor";

export type Net = Module & { forward(x: Tensor): Tensor };

class LeNet5 extends Module {
  conv1 = new Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new Conv2d(6, 16, 5);
  fc1 = new Linear(400, 120);
  fc2 = new Linear(120, 84);
  fc3 = new Linear(84, 10);

  forward(x: Tensor): Tensor {
    let y = maxPool2d(this.conv1.forward(x).relu(), 2);
    y = maxPool2d(this.conv2.forward(y).relu(), 2);
    y = this.fc1.forward(y.flatten(1)).relu();
    return this.fc3.forward(this.fc2.forward(y).relu());
  }
}

function shortcut(inputs: number, outputs: number, stride: number): Sequential | undefined {
  if (stride === 1 && inputs === outputs) return undefined;
  return new Sequential(new Conv2d(inputs, outputs, 1, { stride, bias: false }), new BatchNorm2d(outputs));
}

class Basic extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  downsample: Sequential | undefined;

  constructor(inputs: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.downsample = shortcut(inputs, width, stride);
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y));
    return y.add(this.downsample?.forward(x) ?? x).relu();
  }
}

class Bottleneck extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  downsample: Sequential | undefined;

  constructor(inputs: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inputs, width, 1, { bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { stride, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = new Conv2d(width, 4 * width, 1, { bias: false });
    this.bn3 = new BatchNorm2d(4 * width);
    this.downsample = shortcut(inputs, 4 * width, stride);
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y)).relu();
    y = this.bn3.forward(this.conv3.forward(y));
    return y.add(this.downsample?.forward(x) ?? x).relu();
  }
}

interface ResNetConfig {
  readonly block: new (inputs: number, width: number, stride: number) => Net;
  /** Output channels of a block, as a multiple of its width. */
  readonly expansion: number;
  readonly blocks: readonly [number, number, number, number];
  readonly classes: number;
  /** Whether to use the ImageNet stem, 7x7 with stride 2 and pooling, instead of 3x3. */
  readonly imagenet: boolean;
}

class ResNet extends Module {
  conv1: Conv2d;
  bn1 = new BatchNorm2d(64);
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  fc: Linear;
  readonly #imagenet: boolean;

  constructor({ block, expansion, blocks, classes, imagenet }: ResNetConfig) {
    super();
    this.#imagenet = imagenet;
    this.conv1 = imagenet
      ? new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false })
      : new Conv2d(3, 64, 3, { padding: 1, bias: false });
    let inputs = 64;
    const stage = (index: 0 | 1 | 2 | 3): Sequential => {
      const width = 64 * 2 ** index;
      const layers = Array.from({ length: blocks[index] }, (_, i) => {
        const layer = new block(inputs, width, i === 0 && index > 0 ? 2 : 1);
        inputs = width * expansion;
        return layer;
      });
      return new Sequential(...layers);
    };
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.layer4 = stage(3);
    this.fc = new Linear(inputs, classes);
  }
  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    if (this.#imagenet) y = maxPool2d(y, 3, { stride: 2, padding: 1 });
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.forward(y);
    return this.fc.forward(y.mean([2, 3]));
  }
}

class Attention extends Module {
  qkv: Linear;
  proj: Linear;
  readonly #heads: number;

  constructor(dim: number, heads: number) {
    super();
    this.#heads = heads;
    this.qkv = new Linear(dim, 3 * dim);
    this.proj = new Linear(dim, dim);
  }
  forward(x: Tensor): Tensor {
    const [b, t, c] = x.shape as [number, number, number];
    const split = (part: Tensor) => part.reshape([b, t, this.#heads, c / this.#heads]).permute([0, 2, 1, 3]);
    const [q, k, v] = this.qkv.forward(x).chunk(3, 2).map(split) as [Tensor, Tensor, Tensor];
    const y = scaledDotProductAttention(q, k, v);
    return this.proj.forward(y.permute([0, 2, 1, 3]).reshape([b, t, c]));
  }
}

class Mlp extends Module {
  fc1: Linear;
  fc2: Linear;

  constructor(dim: number) {
    super();
    this.fc1 = new Linear(dim, 4 * dim);
    this.fc2 = new Linear(4 * dim, dim);
  }
  forward(x: Tensor): Tensor {
    return this.fc2.forward(gelu(this.fc1.forward(x)));
  }
}

class Block extends Module {
  norm1: LayerNorm;
  attn: Attention;
  norm2: LayerNorm;
  mlp: Mlp;

  constructor(dim: number, heads: number) {
    super();
    this.norm1 = new LayerNorm(dim, { eps: 1e-6 });
    this.attn = new Attention(dim, heads);
    this.norm2 = new LayerNorm(dim, { eps: 1e-6 });
    this.mlp = new Mlp(dim);
  }
  forward(x: Tensor): Tensor {
    const y = x.add(this.attn.forward(this.norm1.forward(x)));
    return y.add(this.mlp.forward(this.norm2.forward(y)));
  }
}

interface VitConfig {
  readonly patch: number;
  readonly tokens: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly classes?: number;
}

class Vit extends Module {
  patch_embed: Conv2d;
  cls_token: Variable;
  pos_embed: Variable;
  blocks: Block[];
  norm: LayerNorm;
  head: Linear | undefined;

  constructor({ patch, tokens, dim, depth, heads, classes }: VitConfig) {
    super();
    this.patch_embed = new Conv2d(3, dim, patch, { stride: patch });
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.pos_embed = parameter(zeros([1, tokens, dim]));
    this.blocks = Array.from({ length: depth }, () => new Block(dim, heads));
    this.norm = new LayerNorm(dim, { eps: 1e-6 });
    if (classes !== undefined) this.head = new Linear(dim, classes);
  }
  forward(x: Tensor): Tensor {
    const patches = this.patch_embed.forward(x).flatten(2).permute([0, 2, 1]); // [N, H * W, C]
    const token = this.cls_token.expand([patches.shape[0]!, 1, patches.shape[2]!]);
    let y = concat([token, patches], 1).add(this.pos_embed);
    for (const block of this.blocks) y = block.forward(y);
    y = this.norm.forward(y.select(1, 0));
    return this.head?.forward(y) ?? y;
  }
}

export const nets: Readonly<Record<string, () => Net>> = {
  "train.lenet5": () => new LeNet5(),
  "train.resnet18": () =>
    new ResNet({ block: Basic, expansion: 1, blocks: [2, 2, 2, 2], classes: 10, imagenet: false }),
  "train.transformer": () => new Vit({ patch: 4, tokens: 65, dim: 256, depth: 6, heads: 4, classes: 10 }),
  "infer.resnet50": () =>
    new ResNet({ block: Bottleneck, expansion: 4, blocks: [3, 4, 6, 3], classes: 1000, imagenet: true }),
  "infer.vit-s14": () => new Vit({ patch: 14, tokens: 1370, dim: 384, depth: 12, heads: 6 }),
};
