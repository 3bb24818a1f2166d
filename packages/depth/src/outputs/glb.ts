/** A result as a surface with the image on it, in the binary form of glTF 2.0. */
import { encodeImage } from "@tessera-ml/media";
import { rayThrough } from "../camera.ts";
import type { DepthResult } from "../result.ts";
import { depthOf } from "./values.ts";

/** Neighbours whose depths differ by a larger factor lie on different objects: no triangle joins them. */
const JUMP = 1.05;
/** Larger maps are drawn by every second, third, … pixel. */
const MOST_VERTICES = 2 ** 20;

export interface Mesh {
  /** x to the right, y up, z towards the viewer: [V, 3]. */
  readonly positions: Float32Array<ArrayBuffer>;
  /** Places in the image, from its upper left corner: [V, 2]. */
  readonly places: Float32Array<ArrayBuffer>;
  /** [T, 3], counter-clockwise as the camera sees them. */
  readonly triangles: Uint32Array<ArrayBuffer>;
}

/** The surface: two triangles per square of neighbours, except across jumps and where there is no depth. */
export function meshOf(result: DepthResult): Mesh {
  const { width, height, camera } = result;
  const depth = depthOf(result);
  const step = Math.ceil(Math.sqrt((width * height) / MOST_VERTICES));
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  const numbers = new Int32Array(columns * rows).fill(-1);
  const positions: number[] = [];
  const places: number[] = [];
  const z = new Float32Array(columns * rows);
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, i++) {
      const [column, row] = [c * step, r * step];
      z[i] = depth[row * width + column]!;
      if (!(z[i]! > 0)) continue;
      numbers[i] = positions.length / 3;
      const ray = rayThrough(column, row, result, camera);
      positions.push(ray.x * z[i]!, -ray.y * z[i]!, -z[i]!);
      places.push((column + 0.5) / width, (row + 0.5) / height);
    }
  const triangles: number[] = [];
  const add = (a: number, b: number, c: number) => {
    const [za, zb, zc] = [z[a]!, z[b]!, z[c]!];
    // False for NaN too.
    if (Math.max(za, zb, zc) <= JUMP * Math.min(za, zb, zc))
      triangles.push(numbers[a]!, numbers[b]!, numbers[c]!);
  };
  for (let r = 0; r + 1 < rows; r++)
    for (let c = 0; c + 1 < columns; c++) {
      const left = r * columns + c;
      const [right, below, opposite] = [left + 1, left + columns, left + columns + 1];
      // Along the diagonal whose ends are more alike, so that a corner without depth costs one triangle.
      if (ratio(z[right]!, z[below]!) <= ratio(z[left]!, z[opposite]!)) {
        add(left, below, right);
        add(right, below, opposite);
      } else {
        add(left, below, opposite);
        add(left, opposite, right);
      }
    }
  return {
    positions: Float32Array.from(positions),
    places: Float32Array.from(places),
    triangles: Uint32Array.from(triangles),
  };
}

/** Of the larger depth to the smaller; infinite where one is missing. */
function ratio(a: number, b: number): number {
  const found = Math.max(a, b) / Math.min(a, b);
  return found > 0 ? found : Number.POSITIVE_INFINITY;
}

const FLOAT = 5126;
const UNSIGNED_INT = 5125;
const ARRAY_BUFFER = 34962;
const ELEMENT_ARRAY_BUFFER = 34963;

/**
 * @throws RangeError if no three neighbours have depth without a jump: glTF has no empty meshes
 */
export async function encodeGlb(result: DepthResult): Promise<Uint8Array<ArrayBuffer>> {
  const { positions, places, triangles } = meshOf(result);
  if (triangles.length === 0)
    throw new RangeError(`${result.model}: the map has no connected surface; .ply holds its points`);
  const picture = await encodeImage(result.image, "jpeg");
  const parts = [bytesOf(positions), bytesOf(places), bytesOf(triangles), picture];
  let end = 0;
  const bufferViews = parts.map((part, i) => {
    const view = { buffer: 0, byteOffset: end, byteLength: part.length };
    end = padded(end + part.length);
    const target = i === 2 ? ELEMENT_ARRAY_BUFFER : ARRAY_BUFFER;
    return i < 3 ? { ...view, target } : view;
  });
  const { min, max } = bounds(positions);
  const count = positions.length / 3;
  const json = {
    asset: { version: "2.0", generator: "Tessera" },
    extensionsUsed: ["KHR_materials_unlit"],
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0, TEXCOORD_0: 1 }, indices: 2, material: 0 }] }],
    materials: [
      {
        doubleSided: true,
        // The photograph has its light already.
        extensions: { KHR_materials_unlit: {} },
        pbrMetallicRoughness: { baseColorTexture: { index: 0 }, metallicFactor: 0, roughnessFactor: 1 },
      },
    ],
    textures: [{ source: 0, sampler: 0 }],
    samplers: [{ wrapS: 33071, wrapT: 33071 }],
    images: [{ bufferView: 3, mimeType: "image/jpeg" }],
    accessors: [
      { bufferView: 0, componentType: FLOAT, type: "VEC3", count, min, max },
      { bufferView: 1, componentType: FLOAT, type: "VEC2", count },
      { bufferView: 2, componentType: UNSIGNED_INT, type: "SCALAR", count: triangles.length },
    ],
    bufferViews,
    buffers: [{ byteLength: end }],
  };
  return container(
    JSON.stringify(json),
    parts,
    bufferViews.map(({ byteOffset }) => byteOffset),
    end,
  );
}

/** A header and two chunks: JSON padded with spaces, bytes padded with zeros. */
function container(
  json: string,
  parts: readonly Uint8Array[],
  offsets: readonly number[],
  length: number,
): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(json);
  const textLength = padded(text.length);
  const bytes = new Uint8Array(12 + 8 + textLength + 8 + length);
  const view = new DataView(bytes.buffer);
  const words = [0x46546c67, 2, bytes.length, textLength, 0x4e4f534a];
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  bytes.fill(0x20, 20, 20 + textLength);
  bytes.set(text, 20);
  view.setUint32(20 + textLength, length, true);
  view.setUint32(24 + textLength, 0x004e4942, true);
  for (const [i, part] of parts.entries()) bytes.set(part, 28 + textLength + offsets[i]!);
  return bytes;
}

const padded = (length: number) => Math.ceil(length / 4) * 4;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Of every axis, which glTF wants for positions. */
function bounds(positions: Float32Array): { min: number[]; max: number[] } {
  const min = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const max = min.map((value) => -value);
  for (const [i, value] of positions.entries()) {
    min[i % 3] = Math.min(min[i % 3]!, value);
    max[i % 3] = Math.max(max[i % 3]!, value);
  }
  return { min, max };
}
