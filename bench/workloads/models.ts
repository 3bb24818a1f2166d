/**
 * The networks of the bench, written once in terms of a few operators that each TypeScript peer implements.
 * Parameters have PyTorch's names, so that `peers/torch_peer.py` generates the same values.
 * Activations are channels-last, [N, H, W, C] or [B, T, C], as both TypeScript peers prefer.
 */

export interface ConvSpec {
  readonly out: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly pad?: number;
}

export interface Ops<T> {
  parameter(name: string, shape: readonly number[]): T;
  /** Convolution with bias. */
  conv(x: T, name: string, spec: ConvSpec): T;
  /** Convolution without bias, batch norm, and optionally ReLU. */
  convNorm(x: T, conv: string, norm: string, spec: ConvSpec, relu: boolean): T;
  linear(x: T, name: string, out: number): T;
  layerNorm(x: T, name: string): T;
  relu(x: T): T;
  /** Exact GELU (error function). */
  gelu(x: T): T;
  add(x: T, y: T): T;
  maxPool(x: T, kernel: number, stride: number, pad: number): T;
  /** [N, H, W, C] to [N, C]. */
  meanPixels(x: T): T;
  /** [N, H, W, C] to [N, C * H * W], in PyTorch's order. */
  flatten(x: T): T;
  /** [N, H, W, C] to [N, H * W, C]. */
  tokens(x: T): T;
  /** Prepends the token [1, 1, C] to each sequence of [B, T, C]. */
  prepend(token: T, x: T): T;
  /** [B, T, C] to [B, C]. */
  firstToken(x: T): T;
  /** Packed queries, keys and values [B, T, 3 C] to [B, T, C]. */
  attention(qkv: T, heads: number): T;
}

export type Forward = <T>(ops: Ops<T>, x: T) => T;

/** LeNet-5 with ReLU and max pooling. Input [N, 28, 28, 1]. */
export function lenet5<T>(o: Ops<T>, x: T): T {
  let y = o.maxPool(o.relu(o.conv(x, "conv1", { out: 6, kernel: 5, pad: 2 })), 2, 2, 0);
  y = o.maxPool(o.relu(o.conv(y, "conv2", { out: 16, kernel: 5 })), 2, 2, 0);
  y = o.relu(o.linear(o.flatten(y), "fc1", 120));
  y = o.relu(o.linear(y, "fc2", 84));
  return o.linear(y, "fc3", 10);
}

/** ResNet-18 with the 3x3 stem for CIFAR. Input [N, 32, 32, 3]. */
export function resnet18<T>(o: Ops<T>, x: T): T {
  let y = o.convNorm(x, "conv1", "bn1", { out: 64, kernel: 3, pad: 1 }, true);
  for (let stage = 0; stage < 4; stage++) {
    const out = 64 * 2 ** stage;
    for (let block = 0; block < 2; block++) {
      const at = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      let z = o.convNorm(y, `${at}.conv1`, `${at}.bn1`, { out, kernel: 3, stride, pad: 1 }, true);
      z = o.convNorm(z, `${at}.conv2`, `${at}.bn2`, { out, kernel: 3, pad: 1 }, false);
      if (stride === 2) {
        y = o.convNorm(y, `${at}.downsample.0`, `${at}.downsample.1`, { out, kernel: 1, stride }, false);
      }
      y = o.relu(o.add(z, y));
    }
  }
  return o.linear(o.meanPixels(y), "fc", 10);
}

/** ResNet-50 (stride in the 3x3 convolution). Input [N, 224, 224, 3]. */
export function resnet50<T>(o: Ops<T>, x: T): T {
  let y = o.convNorm(x, "conv1", "bn1", { out: 64, kernel: 7, stride: 2, pad: 3 }, true);
  y = o.maxPool(y, 3, 2, 1);
  [3, 4, 6, 3].forEach((blocks, stage) => {
    const width = 64 * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const at = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      let z = o.convNorm(y, `${at}.conv1`, `${at}.bn1`, { out: width, kernel: 1 }, true);
      z = o.convNorm(z, `${at}.conv2`, `${at}.bn2`, { out: width, kernel: 3, stride, pad: 1 }, true);
      z = o.convNorm(z, `${at}.conv3`, `${at}.bn3`, { out: 4 * width, kernel: 1 }, false);
      if (block === 0) {
        const spec = { out: 4 * width, kernel: 1, stride };
        y = o.convNorm(y, `${at}.downsample.0`, `${at}.downsample.1`, spec, false);
      }
      y = o.relu(o.add(z, y));
    }
  });
  return o.linear(o.meanPixels(y), "fc", 1000);
}

interface VitConfig {
  readonly patch: number;
  readonly tokens: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly classes?: number;
}

/** Pre-norm vision transformer; the output is the class token. Input [N, H, W, 3]. */
function vit<T>(o: Ops<T>, x: T, config: VitConfig): T {
  const { patch, tokens, dim, depth, heads, classes } = config;
  let y = o.tokens(o.conv(x, "patch_embed", { out: dim, kernel: patch, stride: patch }));
  y = o.prepend(o.parameter("cls_token", [1, 1, dim]), y);
  y = o.add(y, o.parameter("pos_embed", [1, tokens, dim]));
  for (let i = 0; i < depth; i++) {
    const at = `blocks.${i}`;
    let z = o.linear(o.layerNorm(y, `${at}.norm1`), `${at}.attn.qkv`, 3 * dim);
    y = o.add(y, o.linear(o.attention(z, heads), `${at}.attn.proj`, dim));
    z = o.gelu(o.linear(o.layerNorm(y, `${at}.norm2`), `${at}.mlp.fc1`, 4 * dim));
    y = o.add(y, o.linear(z, `${at}.mlp.fc2`, dim));
  }
  y = o.layerNorm(o.firstToken(y), "norm");
  return classes === undefined ? y : o.linear(y, "head", classes);
}

/** Six layers of width 256 on the 64 patches of a 32x32 image. */
export function transformer<T>(o: Ops<T>, x: T): T {
  return vit(o, x, { patch: 4, tokens: 65, dim: 256, depth: 6, heads: 4, classes: 10 });
}

/** ViT-S/14 at 518x518: 1369 patches and the class token, which is the output. */
export function vitS14<T>(o: Ops<T>, x: T): T {
  return vit(o, x, { patch: 14, tokens: 1370, dim: 384, depth: 12, heads: 6 });
}
