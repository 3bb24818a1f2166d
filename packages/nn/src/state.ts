/** Variables as tensors to be written to a file, and tensors as a checkpoint. */
import { Tensor } from "@tessera-ml/tensor";
import { type Checkpoint, createCheckpoint } from "./files/checkpoint.ts";
import { StoredTensor, type TensorData } from "./files/index.ts";
import { fromHost, STORED_AS } from "./files/stored-dtype.ts";

/** The current values of the tensors, to be written to a file: later assignments have no effect. */
export function snapshot(tensors: ReadonlyMap<string, Tensor>, prefix = ""): TensorData[] {
  return [...tensors].map(([name, tensor]) => {
    const held = new Tensor(tensor.value);
    return { name: prefix + name, dtype: held.dtype, shape: held.shape, data: () => held.data() };
  });
}

/** A checkpoint in memory. */
export function inMemory(tensors: ReadonlyMap<string, Tensor>, name = "the map of tensors"): Checkpoint {
  const stored = [...tensors].map(([key, tensor]): [string, StoredTensor] => {
    const dtype = STORED_AS[tensor.dtype];
    const readBytes = async (offset: number, length: number) =>
      fromHost(await tensor.data(), dtype).slice(offset, offset + length);
    return [key, new StoredTensor({ name: key, dtype, shape: tensor.shape, readBytes })];
  });
  return createCheckpoint({ name, format: "safetensors", tensors: new Map(stored), close: async () => {} });
}
