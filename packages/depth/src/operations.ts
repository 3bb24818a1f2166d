/** API operations that look inside a depth network. */
import { KitError, pngUrl } from "@tessera-ml/kit";
import {
  type Colormap,
  colorize,
  Image,
  type ImageSource,
  interpolate,
  Planes,
  type Size,
} from "@tessera-ml/media";
import { fromArray, type Tensor } from "@tessera-ml/tensor";
import { type DepthEstimator, prepare } from "./estimator.ts";
import { decoding } from "./inspect/fusion.ts";
import { encoderOf, patchAt, patchAttention, patchTokens, principalComponents } from "./inspect/tokens.ts";

interface About {
  /** Side of the network's input. */
  readonly size?: number | undefined;
}

async function inputOf(estimator: DepthEstimator, source: ImageSource, { size }: About): Promise<Tensor> {
  const { planes } = await prepare(source, estimator.preset({ size }), {});
  return fromArray(planes.data as Float32Array<ArrayBuffer>, [1, ...planes.shape]);
}

function checkedBlock(block: number | undefined, count: number): number {
  const chosen = block ?? count - 1;
  if (chosen < count) return chosen;
  throw new KitError("bad-option", `block: expected 0 to ${count - 1}, got ${chosen}`, { field: "block" });
}

/** What the patch under a point attends to: the mean of the heads of every block, and each head of one block. */
export async function attention(
  estimator: DepthEstimator,
  { x, y, block, size }: About & { readonly x: number; readonly y: number; readonly block?: number },
  source: ImageSource,
) {
  const encoder = encoderOf(estimator.module);
  const chosen = checkedBlock(block, encoder.blocks.length);
  const input = await inputOf(estimator, source, { size });
  const grid = encoder.grid(input);
  const patch = patchAt(grid, { x, y });
  const blocks = await patchAttention(estimator.module, input, patch);
  const heads = headsOf(blocks[chosen]!);
  return {
    ...{ rows: grid[0], columns: grid[1], patch, block: chosen },
    blocks: await Promise.all(blocks.map((each) => picture(meanOf(headsOf(each)), "inferno"))),
    heads: await Promise.all(heads.map((head) => picture(head, "inferno"))),
  };
}

function headsOf({ channels, height, width, data }: Planes): Planes[] {
  const area = height * width;
  return Array.from(
    { length: channels },
    (_, head) => new Planes(1, height, width, data.subarray(head * area, (head + 1) * area)),
  );
}

function meanOf(maps: readonly Planes[]): Planes {
  const [first] = maps as readonly [Planes];
  return new Planes(
    1,
    first.height,
    first.width,
    first.data.map((_, i) => maps.reduce((sum, { data }) => sum + data[i]!, 0) / maps.length),
  );
}

/** The first three principal components of a block's patch tokens as red, green and blue. */
export async function tokens(
  estimator: DepthEstimator,
  { block, size }: About & { readonly block?: number },
  source: ImageSource,
) {
  const encoder = encoderOf(estimator.module);
  const chosen = checkedBlock(block, encoder.blocks.length);
  const input = await inputOf(estimator, source, { size });
  const [rows, columns] = encoder.grid(input);
  const values = await patchTokens(estimator.module, input, chosen);
  const { scores, shares } = principalComponents(values, encoder.config.dim);
  const image = new Image(columns, rows, 3);
  for (const [channel, score] of scores.entries()) {
    const deviation = Math.sqrt(score.reduce((sum, value) => sum + value * value, 0) / score.length);
    // Two deviations either way; grey where there is no variance.
    for (const [i, value] of score.entries())
      image.data[3 * i + channel] = Math.max(0, Math.min(255, 127.5 + (63.75 * value) / (deviation || 1)));
  }
  return { rows, columns, block: chosen, blocks: encoder.blocks.length, png: await pngUrl(image), shares };
}

/** The encoder's four maps, and the decoder's path after each of them was fused into it. */
export async function stages(estimator: DepthEstimator, { size }: About, source: ImageSource) {
  const input = await inputOf(estimator, source, { size });
  const { stages: maps, fusions } = await decoding(estimator.module, input);
  const shown = fusions.map(({ reading, strength }) => reading ?? strength);
  const changes = shown.map((map, i) => (i === 0 ? undefined : changeOf(shown[i - 1]!, map)));
  return {
    stages: await Promise.all(
      maps.map(async ({ stage, shape, strength }) => ({
        ...{ stage, shape },
        png: await picture(strength, "inferno"),
      })),
    ),
    fusions: await Promise.all(
      fusions.map(async ({ stage, shape, reading, strength }, i) => {
        const change = changes[i];
        return {
          ...{ stage, shape, shows: reading ? "reading" : "strength" },
          png: await (reading ? picture(reading, "spectralR") : picture(strength, "inferno")),
          ...(change && { change: await picture(change, "spectralR", extentOf(change)) }),
        };
      }),
    ),
  };
}

/** The difference of two maps whose scales mean nothing: both are standardized first. */
function changeOf(before: Planes, after: Planes): Planes {
  const earlier = interpolate(standardized(before), after, { mode: "bilinear" });
  const { data, height, width } = standardized(after);
  return new Planes(
    1,
    height,
    width,
    data.map((value, i) => value - earlier.data[i]!),
  );
}

function standardized({ data, height, width }: Planes): Planes {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
  return new Planes(
    1,
    height,
    width,
    data.map((value) => (value - mean) * scale),
  );
}

/** A range around 0, for colours whose middle is 0. */
function extentOf({ data }: Planes): [number, number] {
  const most = data.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
  return [-most, most];
}

/** Longer side of a picture. */
const SIDE = 448;

async function picture(map: Planes, colormap: Colormap, range?: readonly [number, number]): Promise<string> {
  const scale = SIDE / Math.max(map.width, map.height);
  const smaller: Size = {
    width: Math.max(1, Math.round(map.width * scale)),
    height: Math.max(1, Math.round(map.height * scale)),
  };
  const drawn = scale < 1 ? interpolate(map, smaller, { mode: "bilinear" }) : map;
  return await pngUrl(colorize(drawn, { colormap, ...(range && { range }) }));
}
