/**
 * Browser backend on `onnxruntime-web`: WebAssembly, or WebGPU with arrays that stay in GPU memory from one
 * run to the next.
 */
import type * as Ort from "onnxruntime-web";
import type { DType, TypedArray } from "../dtype.ts";
import type { Backend, BackendOptions, DeviceArray, Executable, LoadOptions, OutputSpec } from "./backend.ts";
import { checkCount, checkOutputs, checkUpload } from "./checks.ts";
import { GpuArray, hostTensor, isGpuType } from "./gpu-array.ts";
import { HostArray, hostValues } from "./host-array.ts";
import { probe } from "./probe.ts";
import { Serial } from "./serial.ts";

const NAME = "ort-web";
const LOG_ERRORS = 3;
const LEVELS = { none: "disabled", basic: "basic", extended: "extended", all: "all" } as const;

class WebBackend implements Backend {
  readonly name = NAME;
  readonly device: "wasm" | "webgpu";
  readonly ort: typeof Ort;
  /** `onnxruntime-web` does one thing at a time: loading counts as a run. */
  readonly runs = new Serial();

  constructor(ort: typeof Ort, device: "wasm" | "webgpu") {
    this.ort = ort;
    this.device = device;
  }

  upload(data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray {
    checkUpload(data, dtype, shape);
    return this.device === "webgpu"
      ? GpuArray.fromHost(this.ort, data, dtype, shape)
      : new HostArray(data, dtype, shape);
  }

  load(model: Uint8Array, options: LoadOptions): Promise<Executable> {
    return this.runs.run(async () => {
      checkOutputs(options);
      const { optimization = "all", prepack = true, weights = [] } = options;
      const externalData = await Promise.all(
        [...weights].map(async ([path, array]) => ({ path, data: bytesOf(await array.read()) })),
      );
      const session = await this.ort.InferenceSession.create(model, {
        executionProviders: [this.device],
        graphOptimizationLevel: LEVELS[optimization],
        enableMemPattern: false,
        logSeverityLevel: LOG_ERRORS,
        externalData,
        preferredOutputLocation: Object.fromEntries(
          options.outputs.map((spec) => [spec.name, this.keepsOnGpu(spec) ? "gpu-buffer" : "cpu"]),
        ),
        ...(prepack ? {} : { extra: { session: { disable_prepacking: "1" } } }),
      });
      return new WebExecutable(this, session, options);
    });
  }

  private keepsOnGpu({ dtype, shape }: OutputSpec): boolean {
    return this.device === "webgpu" && isGpuType(dtype) && !shape.includes(0);
  }
}

/** Bytes of a typed array, without a copy. */
function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

class WebExecutable implements Executable {
  private readonly backend: WebBackend;
  private readonly session: Ort.InferenceSession;
  private readonly inputs: readonly string[];
  private readonly outputs: readonly OutputSpec[];
  private released = false;

  constructor(backend: WebBackend, session: Ort.InferenceSession, { inputs, outputs }: LoadOptions) {
    this.backend = backend;
    this.session = session;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  async run(
    inputs: readonly DeviceArray[],
    recycle: readonly (DeviceArray | undefined)[] = [],
  ): Promise<DeviceArray[]> {
    if (this.released) throw new Error("run: the executable was released");
    checkCount(this.inputs, inputs);
    // An array may be released while a run that reads it waits for its turn.
    const held = inputs.filter((array) => array instanceof GpuArray);
    for (const array of held) array.hold();
    try {
      return await this.backend.runs.run(() => this.start(inputs, recycle));
    } finally {
      for (const array of held) array.drop();
    }
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    void this.backend.runs.run(() => this.session.release());
  }

  private async start(
    inputs: readonly DeviceArray[],
    recycle: readonly (DeviceArray | undefined)[],
  ): Promise<DeviceArray[]> {
    const { backend } = this;
    // WebAssembly copies its results and WebGPU has a pool of buffers: memory nobody reads goes back there.
    for (const array of recycle) array?.release();
    const feeds: Record<string, Ort.Tensor> = {};
    for (const [i, name] of this.inputs.entries()) {
      const array = inputs[i] as DeviceArray;
      feeds[name] =
        array instanceof GpuArray
          ? await array.tensor()
          : hostTensor(backend.ort, hostValues(name, array, NAME), array);
    }
    const names = this.outputs.map(({ name }) => name);
    const results = await this.session.run(feeds, names);
    return this.outputs.map(({ name, dtype, shape }) => {
      const tensor = results[name] as Ort.Tensor;
      if (backend.device === "webgpu") return GpuArray.fromTensor(backend.ort, tensor, dtype, shape);
      return new HostArray(tensor.data as TypedArray, dtype, shape);
    });
  }
}

/**
 * Opens the backend on a build of `onnxruntime-web`. Rejects where WebAssembly or WebGPU is missing; the
 * message says what. Threads need a page that is cross-origin isolated.
 */
export async function openWeb(
  ort: typeof Ort,
  { device, threads, wasmPaths }: BackendOptions,
): Promise<Backend> {
  const { wasm } = ort.env;
  wasm.numThreads = globalThis.crossOriginIsolated === false ? 1 : (threads ?? navigator.hardwareConcurrency);
  if (wasmPaths !== undefined) wasm.wasmPaths = wasmPaths;
  const backend = new WebBackend(ort, device === "webgpu" ? "webgpu" : "wasm");
  await probe(backend);
  return backend;
}
