/** Rendered pairs as a training set: kept in the cache, so that a scene is rendered once. Node only. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot } from "@tessera-ml/hub";
import { Image, Planes, type Size } from "@tessera-ml/media";
import { openCheckpoint, type TensorData, writeSafetensors } from "@tessera-ml/nn";
import type { Frame } from "../data/index.ts";
import { renderPairs } from "../render/index.ts";

export interface RenderedOptions {
  readonly count: number;
  /** Default 160 x 120: a little more than the training size, for random crops. */
  readonly size?: Size;
  /** Photographs used as textures. Default: patterns only. */
  readonly photos?: readonly Image[];
  /** Of the first scene. Default 0. */
  readonly firstSeed?: number;
  /** Where shards are kept. Default: in the cache, by size and photographs. */
  readonly folder?: string;
  readonly threads?: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (done: number, total: number) => void;
}

/** Pairs per file. */
const SHARD = 100;
/** Increase when the renderer changes what it draws. */
const VERSION = 1;

/**
 * Pairs of image and depth from consecutive seeds, rendered where the cache lacks them. A killed run continues with
 * the shard it was rendering.
 */
export async function renderedFrames(options: RenderedOptions): Promise<Frame[]> {
  const { count, size = { width: 160, height: 120 }, photos = [], firstSeed = 0 } = options;
  const folder = options.folder ?? join(cacheRoot(), "rendered", keyOf(size, photos));
  await mkdir(folder, { recursive: true });
  const frames: Frame[] = [];
  const end = firstSeed + count;
  for (let shard = Math.floor(firstSeed / SHARD); shard * SHARD < end; shard++) {
    options.signal?.throwIfAborted();
    const path = join(folder, `${String(shard).padStart(5, "0")}.safetensors`);
    if (!existsSync(path)) await renderShard(shard, path, { ...options, size, photos });
    const all = await readShard(path);
    frames.push(...all.slice(Math.max(0, firstSeed - shard * SHARD), end - shard * SHARD));
    options.progress?.(frames.length, count);
  }
  return frames;
}

function keyOf({ width, height }: Size, photos: readonly Image[]): string {
  const hash = createHash("sha256");
  for (const photo of photos) hash.update(photo.data);
  const textures = photos.length === 0 ? "patterns" : hash.digest("hex").slice(0, 12);
  return `v${VERSION}-${width}x${height}-${textures}`;
}

async function renderShard(
  shard: number,
  path: string,
  { size, photos, threads = 2, signal }: RenderedOptions & Required<Pick<RenderedOptions, "size" | "photos">>,
): Promise<void> {
  const area = size.width * size.height;
  const images = new Uint8Array(SHARD * area * 3);
  const depths = new Float32Array(SHARD * area);
  const seeds = Array.from({ length: SHARD }, (_, i) => shard * SHARD + i);
  let i = 0;
  for await (const { image, depth } of renderPairs(seeds, { size, photos, threads })) {
    signal?.throwIfAborted();
    images.set(image.data, i * area * 3);
    depths.set(depth.data, i * area);
    i++;
  }
  const tensors: TensorData[] = [
    { name: "image", dtype: "uint8", shape: [SHARD, size.height, size.width, 3], data: images },
    { name: "depth", dtype: "float32", shape: [SHARD, size.height, size.width], data: depths },
  ];
  await writeSafetensors(path, tensors);
}

async function readShard(path: string): Promise<Frame[]> {
  const file = await openCheckpoint(path);
  try {
    const image = file.get("image");
    const [count, height, width] = image.shape as [number, number, number];
    const images = (await image.read()) as Uint8Array;
    const depths = (await file.get("depth").read()) as Float32Array;
    const area = width * height;
    return Array.from({ length: count }, (_, i): Frame => {
      const depth = depths.subarray(i * area, (i + 1) * area);
      return {
        image: new Image(width, height, 3, images.subarray(3 * i * area, 3 * (i + 1) * area)),
        kind: "depth",
        target: new Planes(1, height, width, depth),
        valid: Uint8Array.from(depth, (metres) => (metres > 0 ? 1 : 0)),
      };
    });
  } finally {
    await file.close();
  }
}
