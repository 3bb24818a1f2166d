/** Writing `.npy` (version 1.0) and `.npz`. */
import { atomicWrite } from "../atomic.ts";
import { CheckpointError, showName, showShape } from "../error.ts";
import { countElements, type TensorData } from "../stored.ts";
import { fromHost, STORED_AS } from "../stored-dtype.ts";

const DESCR = { float32: "<f4", float16: "<f2", int32: "<i4", int64: "<i8", uint8: "|u1", bool: "|b1" };
// The data starts at a multiple of this.
const ALIGNMENT = 64;

/** Encodes an array as a `.npy` file. @throws CheckpointError if data and shape do not match */
export async function encodeNpy(tensor: TensorData): Promise<Uint8Array<ArrayBuffer>> {
  const { name, dtype, shape } = tensor;
  const values = typeof tensor.data === "function" ? await tensor.data() : tensor.data;
  if (values.length !== countElements(shape))
    throw new CheckpointError(
      `${showName(name)}: shape ${showShape(shape)} needs ${countElements(shape)} elements, the data has ${values.length}`,
    );
  const data = fromHost(values, STORED_AS[dtype]);
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': (${dims}), }`;
  const dataStart = Math.ceil((10 + header.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  const start = `\x93NUMPY\x01\x00\x00\x00${header.padEnd(dataStart - 11)}\n`;
  for (let i = 0; i < start.length; i++) bytes[i] = start.charCodeAt(i);
  new DataView(bytes.buffer).setUint16(8, dataStart - 10, true);
  bytes.set(data, dataStart);
  return bytes;
}

/** Writes one array atomically. */
export async function writeNpy(path: string, tensor: TensorData): Promise<void> {
  await atomicWrite(path, await encodeNpy(tensor));
}

/** Writes an uncompressed archive atomically, like `numpy.savez`: `name.npy` for each tensor. */
export async function writeNpz(path: string, tensors: Iterable<TensorData>): Promise<void> {
  // Loaded on first use: most programs never write an archive.
  const { Uint8ArrayReader, ZipWriter } = await import("@zip.js/zip.js/lib/zip-core-native.js");
  await atomicWrite(path, async (file) => {
    const sink = new WritableStream<Uint8Array>({ write: (chunk) => file.write(chunk) });
    const archive = new ZipWriter(sink, {
      level: 0,
      useWebWorkers: false,
      lastModDate: new Date(1980, 0, 1),
    });
    for (const tensor of tensors)
      await archive.add(`${tensor.name}.npy`, new Uint8ArrayReader(await encodeNpy(tensor)));
    await archive.close();
  });
}
