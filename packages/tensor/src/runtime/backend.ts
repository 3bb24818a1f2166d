/** The one interface behind which graphs run: direct ONNX Runtime, `onnxruntime-node`, `onnxruntime-web`. */
import type { DType, TypedArray } from "../dtype.ts";

/** One immutable array, kept where its backend keeps arrays. */
export interface DeviceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The values on the host: the array itself where the backend computes there, a copy otherwise. */
  read(): Promise<TypedArray>;
  /** Frees what the garbage collector cannot (GPU memory). Safe to call twice. */
  release(): void;
}

/** What a graph output holds. */
export interface OutputSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface LoadOptions {
  readonly inputs: readonly string[];
  readonly outputs: readonly OutputSpec[];
  /**
   * Values of the initializers that the model declares as external data (`location` equal to their own
   * name, offset 0). Their memory is read without a copy where the backend can, of any total size, and
   * may be pre-packed: it must not change while the executable lives.
   */
  readonly weights?: ReadonlyMap<string, DeviceArray>;
  /** How far ONNX Runtime rewrites the graph (default `"all"`); less makes loading faster and runs slower. */
  readonly optimization?: "none" | "basic" | "extended" | "all";
  /** Whether weights are copied into the layout of the matrix kernels (default); loading takes longer then. */
  readonly prepack?: boolean;
}

/** A loaded graph. Runs of one backend are serialised in the order of their calls. */
export interface Executable {
  /**
   * Runs the graph without blocking the event loop where the backend can.
   *
   * `recycle[i]`, where given, is an array of output i's type and shape that nobody reads any more: the
   * backend may write output i into its memory. It is never one of the inputs.
   */
  run(inputs: readonly DeviceArray[], recycle?: readonly (DeviceArray | undefined)[]): Promise<DeviceArray[]>;
  /** Frees the session. Safe to call twice, and while a run is under way (it then frees after it). */
  release(): void;
}

export interface Backend {
  /** `"ort-direct"`, `"ort-node"`, `"ort-web"`. */
  readonly name: string;
  /** `"cpu"`, `"wasm"`, `"webgpu"`. */
  readonly device: string;
  /** Wraps host values; no copy where the backend computes on the host. */
  upload(data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray;
  /** Loads a serialised ONNX `ModelProto`. Errors carry ONNX Runtime's message. */
  load(model: Uint8Array, options: LoadOptions): Promise<Executable>;
}

/** Which backend to open. */
export interface BackendOptions {
  /** `"cpu"` (Node's default), `"wasm"` (the browser's default) or `"webgpu"`. */
  readonly device?: "cpu" | "wasm" | "webgpu";
  /** Threads inside one operator; default: the number of cores. */
  readonly threads?: number;
  /** Node only: `"direct"` (default where it loads) or `"node"` (the `onnxruntime-node` package). */
  readonly binding?: "direct" | "node";
  /**
   * Web only: the folder (ending in `/`) from which `onnxruntime-web` loads its `.wasm` and `.mjs` files, or
   * the address of each. Default: beside the script, where bundlers put them.
   */
  readonly wasmPaths?: string | { readonly wasm?: string; readonly mjs?: string };
}
