/** Checkpoint files: safetensors, PyTorch, NumPy; partial reads, atomic writes, strict key matching. */
export { atomicWrite, type FileWriter } from "./atomic.ts";
export type { Checkpoint, CheckpointFormat } from "./checkpoint.ts";
export { CheckpointError } from "./error.ts";
export { type KeyFit, type KeyFitOptions, KeyIndex, type NeededTensor } from "./fit.ts";
export { type KeyReport, type MatchKeysOptions, type MisshapenKey, matchKeys } from "./keys.ts";
export { encodeNpy, writeNpy, writeNpz } from "./numpy/write.ts";
export { writeOnnx } from "./onnx.ts";
export {
  type CheckpointInput,
  loadPickle,
  type OpenCheckpointOptions,
  openCheckpoint,
  type PickleFile,
} from "./open.ts";
export { PickleGlobal, PickleObject, type PickleValue } from "./pickle/values.ts";
export {
  encodeSafetensors,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from "./safetensors/write.ts";
export { type HttpOptions, httpSource } from "./sources/http.ts";
export { type ByteSource, blobSource, fileSource, memorySource } from "./sources/source.ts";
export { type ReadOptions, StoredTensor, type StoredTensorInit, type TensorData } from "./stored.ts";
export { hostDType, type StoredDType } from "./stored-dtype.ts";
export { type PickleOptions, TorchStorage } from "./torch/globals.ts";
