/** The interface to ONNX Runtime's bindings: the direct one, `onnxruntime-node` and `onnxruntime-web`. */
import type { DType, TypedArray } from "../dtype.ts";

/** An immutable array in its backend's memory. */
export interface DeviceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The values on the host: the array itself if the backend computes there, otherwise a copy. */
  read(): Promise<TypedArray>;
  /** Frees what the garbage collector cannot (GPU memory). Safe to call twice. */
  release(): void;
}

/** Name, type and shape of a graph output. */
export interface OutputSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface LoadOptions {
  readonly inputs: readonly string[];
  readonly outputs: readonly OutputSpec[];
  /**
   * Values of the initializers that the model declares as external data (`location` equal to their name,
   * offset 0), of any total size. Backends that can read them in place, without a copy; they must not change
   * during the lifetime of the executable.
   */
  readonly weights?: ReadonlyMap<string, DeviceArray>;
  /** ONNX Runtime's graph optimization level (default `"all"`); less makes loading faster and runs slower. */
  readonly optimization?: "none" | "basic" | "extended" | "all";
  /** Whether to pre-pack weights into the layout of the matrix kernels (default: true); slows down loading. */
  readonly prepack?: boolean;
}

/** A loaded graph. A backend serialises its runs in call order. */
export interface Executable {
  /**
   * Runs the graph, without blocking the event loop if the backend can.
   *
   * `recycle[i]`, if given, is an array of output i's type and shape that is no longer read: the backend may
   * write output i into its memory. It is never one of the inputs.
   */
  run(inputs: readonly DeviceArray[], recycle?: readonly (DeviceArray | undefined)[]): Promise<DeviceArray[]>;
  /** Frees the session, after any run in progress. Safe to call twice. */
  release(): void;
}

export interface Backend {
  /** `"ort-direct"`, `"ort-node"`, `"ort-web"`. */
  readonly name: string;
  /** `"cpu"`, `"wasm"`, `"webgpu"`. */
  readonly device: string;
  /** Wraps host values; without a copy if the backend computes on the host. */
  upload(data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray;
  /** Loads a serialised ONNX `ModelProto`. Errors carry ONNX Runtime's message. */
  load(model: Uint8Array, options: LoadOptions): Promise<Executable>;
}

/** Which backend to open. */
export interface BackendOptions {
  /** `"cpu"` (Node's default), `"wasm"` (the browser's default) or `"webgpu"`. */
  readonly device?: "cpu" | "wasm" | "webgpu";
  /** Threads per operator. Default: the number of cores. */
  readonly threads?: number;
  /** Node only: `"direct"` (the default if it loads) or `"node"` (the `onnxruntime-node` package). */
  readonly binding?: "direct" | "node";
  /**
   * Browser only: the folder (ending in `/`) from which `onnxruntime-web` loads its `.wasm` and `.mjs` files, or
   * the URL of each. Default: next to the script, where bundlers put them.
   */
  readonly wasmPaths?: string | { readonly wasm?: string; readonly mjs?: string };
}
