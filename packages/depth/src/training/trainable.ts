/** Networks as training sees them: an encoder that comes trained, and a head that does not. */
import { loadNetwork, type Network, type Networks } from "@tessera-ml/kit/networks";
import { type Module, openCheckpoint } from "@tessera-ml/nn";
import type { Tensor } from "@tessera-ml/tensor";
import { networks as classifiers } from "@tessera-ml/vision";
import { type EfficientNetLite, LiteEncoder } from "@tessera-ml/vision/models";
import { DepthAnything } from "../models/depth-anything.ts";
import { DepthLite } from "../models/depth-lite.ts";
import { DinoV2, dinov2Configs } from "../models/dinov2.ts";
import { networks } from "../networks/index.ts";

/** A network's outputs for a batch of images, [B, 3, H, W]. */
export interface Estimate {
  /** [B, H, W] */
  readonly map: Tensor;
  /** What the encoder makes of the image, [B, tokens, C]. */
  readonly tokens: Tensor;
}

export interface Trainable {
  readonly module: Module;
  /** Path of the encoder's parameters: they learn more slowly than the others. */
  readonly encoder: RegExp;
  estimate(x: Tensor): Estimate;
}

/** @throws Error if the network is of a family that is not trained here */
export function trainable(module: Module): Trainable {
  if (module instanceof DepthLite)
    return {
      module,
      encoder: /^encoder\./,
      estimate: (x) => {
        const maps = module.features(x);
        return { map: module.estimate(maps), tokens: tokensOf(maps[3]) };
      },
    };
  if (module instanceof DepthAnything) {
    const { taps } = module.config;
    return {
      module,
      encoder: /^pretrained\./,
      estimate: (x) => {
        const layers = module.pretrained.intermediateLayers(x, taps).map(({ patches }) => patches);
        return { map: module.estimate(layers, module.pretrained.grid(x)), tokens: layers.at(-1) as Tensor };
      },
    };
  }
  throw new Error(`${module.constructor.name}: expected DepthLite or DepthAnything to train`);
}

/** A network with fresh parameters and, if a file is given, a trained encoder. */
export async function buildTrainable(
  network: string,
  options: { readonly encoder?: string | undefined; readonly maxDepth?: number | undefined } = {},
): Promise<Trainable> {
  const { encoder, maxDepth } = options;
  const built = trainable(networks.find(network).create(maxDepth === undefined ? {} : { maxDepth }));
  if (encoder !== undefined) await loadEncoder(built.module, encoder);
  return built;
}

/**
 * The encoder alone, in inference mode and with the parameters of a file: what features are aligned to.
 *
 * @returns images [B, 3, H, W] to tokens [B, tokens, C]
 */
export async function frozenEncoder(like: Module, encoder: string): Promise<(x: Tensor) => Tensor> {
  if (like instanceof DepthLite) {
    const frozen = await readLiteEncoder(encoder);
    frozen.eval();
    return (x) => tokensOf(frozen.forward(x)[3]);
  }
  if (like instanceof DepthAnything) {
    const frozen = new DinoV2(like.pretrained.config);
    await readDino(frozen, encoder);
    frozen.eval();
    return (x) => frozen.forward(x).patches;
  }
  throw new Error(`${like.constructor.name}: expected DepthLite or DepthAnything to train`);
}

/**
 * Fills the encoder of a network from a file: an ImageNet classifier (EfficientNet-Lite0, with the names of timm or of
 * `efficientnet_lite_pytorch`) for `depth_lite0`, a DINOv2 checkpoint for Depth Anything.
 *
 * @throws CheckpointError if the file is of another network
 */
export async function loadEncoder(module: Module, file: string): Promise<void> {
  if (module instanceof DepthLite)
    return void (await module.encoder.load((await readLiteEncoder(file)).stateDict()));
  if (module instanceof DepthAnything) return await readDino(module.pretrained, file);
  throw new Error(`${module.constructor.name}: expected DepthLite or DepthAnything to train`);
}

async function readLiteEncoder(path: string): Promise<LiteEncoder> {
  return new LiteEncoder((await readNetwork(classifiers, "tf_efficientnet_lite0", path)) as EfficientNetLite);
}

async function readDino(module: DinoV2, path: string): Promise<void> {
  const name = Object.entries(dinov2Configs).find(([, config]) => config === module.config)?.[0];
  if (name === undefined) return void (await module.load(path));
  await module.load((await readNetwork(networks, name, path)).stateDict());
}

/** A network with the parameters of a file, in any naming that its registry knows. */
async function readNetwork<M extends Module>(
  registry: Networks<Network<M>>,
  name: string,
  path: string,
): Promise<M> {
  const checkpoint = await openCheckpoint(path);
  try {
    return (await loadNetwork(registry, name, checkpoint)).module;
  } finally {
    await checkpoint.close();
  }
}

/** [B, C, h, w] → [B, h · w, C] */
function tokensOf(map: Tensor): Tensor {
  return map.flatten(2).transpose(1, 2);
}
