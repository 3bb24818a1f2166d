import { HubError } from "@tessera-ml/hub";
import type { Samples } from "./record.ts";

/** Readers for the published formats of small images, from decompressed bytes. */

function bad(what: string, problem: string): HubError {
  return new HubError("bad-data", `${what}: ${problem}`);
}

/** `shape` in readable form. */
function written(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/**
 * Reads MNIST's IDX format: two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as a
 * big-endian 32-bit integer, then the values. Returns the values as a view of `bytes`.
 */
export function readIdx(
  bytes: Uint8Array<ArrayBuffer>,
  shape: readonly number[],
  what: string,
): Uint8Array<ArrayBuffer> {
  const header = 4 + 4 * shape.length;
  if (bytes.length < header || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8) {
    throw bad(what, "not an IDX file of bytes");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = Array.from({ length: bytes[3]! }, (_, i) =>
    8 + 4 * i <= bytes.length ? view.getUint32(4 + 4 * i) : 0,
  );
  if (written(found) !== written(shape)) throw bad(what, `expected ${written(shape)}, got ${written(found)}`);
  const values = bytes.subarray(header);
  const count = shape.reduce((a, b) => a * b, 1);
  if (values.length !== count) throw bad(what, `expected ${count} values, got ${values.length}`);
  return values;
}

export function checkLabels(labels: Uint8Array, classes: number, what: string): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong >= 0) throw bad(what, `label ${wrong}: expected 0 to ${classes - 1}, got ${labels[wrong]}`);
}

/**
 * Reads the zip codes as published by "The Elements of Statistical Learning": one digit per line, the label and 256
 * values from -1 (paper) to 1 (ink). Returns floats from 0 to 1.
 */
export function readUspsText(text: string, count: number, what: string): Samples<Float32Array<ArrayBuffer>> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length !== count) throw bad(what, `expected ${count} lines, got ${lines.length}`);
  const images = new Float32Array(count * 256);
  const labels = new Uint8Array(count);
  for (const [i, line] of lines.entries()) {
    const [label, ...pixels] = line.trim().split(/\s+/).map(Number);
    if (pixels.length !== 256)
      throw bad(what, `line ${i + 1}: expected a label and 256 values, got ${pixels.length}`);
    if (!pixels.every((value) => value >= -1 && value <= 1))
      throw bad(what, `line ${i + 1}: a value is not in -1 to 1`);
    if (!Number.isInteger(label) || label! < 0 || label! > 9)
      throw bad(what, `line ${i + 1}: the label is not a digit`);
    labels[i] = label!;
    for (let j = 0; j < 256; j++) images[i * 256 + j] = (pixels[j]! + 1) / 2;
  }
  return { images, labels };
}

/** Little-endian floats, row-major; every machine that runs Node is little-endian. */
export function readFloats(
  bytes: Uint8Array<ArrayBuffer>,
  count: number,
  what: string,
): Float32Array<ArrayBuffer> {
  if (bytes.length !== 4 * count) throw bad(what, `expected ${4 * count} bytes, got ${bytes.length}`);
  const values = new Float32Array(bytes.slice().buffer);
  if (!values.every((value) => value >= 0 && value <= 1)) throw bad(what, "a value is not in 0 to 1");
  return values;
}

/** One image of CIFAR-10's binary version: its label, then 32x32 red, green and blue values. */
export const cifarPixels: number = 3 * 32 * 32;
export const cifarRecord: number = 1 + cifarPixels;

/** Reads the binary version of CIFAR-10: consecutive records. */
export function readCifar(bytes: Uint8Array, count: number, what: string): Samples<Uint8Array<ArrayBuffer>> {
  if (bytes.length !== count * cifarRecord) {
    throw bad(what, `expected ${count} records of ${cifarRecord} bytes, got ${bytes.length} bytes`);
  }
  const images = new Uint8Array(count * cifarPixels);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * cifarRecord;
    labels[i] = bytes[at]!;
    images.set(bytes.subarray(at + 1, at + cifarRecord), i * cifarPixels);
  }
  checkLabels(labels, 10, what);
  return { images, labels };
}
