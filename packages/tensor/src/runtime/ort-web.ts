/**
 * Browser backend on `onnxruntime-web`: WebAssembly, or WebGPU with arrays that stay in GPU memory from one
 * run to the next.
 */
import type * as Ort from "onnxruntime-web";
import type { DType, TypedArray } from "../dtype.ts";
import type { Backend, BackendOptions, DeviceArray, Executable, LoadOptions, OutputSpec } from "./backend.ts";
import { bytesOf, checkCount, checkOutputs, checkUpload, describe, LOG_FATAL } from "./checks.ts";
import { GpuArray, type GpuBuffer, type GpuDevice, isGpuType } from "./gpu-array.ts";
import { HostArray, hostValues } from "./host-array.ts";
import { probe } from "./probe.ts";
import { Serial } from "./serial.ts";

const NAME = "ort-web";
const LEVELS = { none: "disabled", basic: "basic", extended: "extended", all: "all" } as const;

class WebBackend implements Backend {
  readonly name = NAME;
  readonly device: "wasm" | "webgpu";
  readonly ort: typeof Ort;
  /** The device and a session that keeps it; set once the first session was made. */
  gpu: { readonly device: GpuDevice; readonly keptBy: Executable } | undefined;
  /** `onnxruntime-web` does one thing at a time: loading counts as a run. */
  readonly runs = new Serial();

  constructor(ort: typeof Ort, device: "wasm" | "webgpu") {
    this.ort = ort;
    this.device = device;
  }

  upload(data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray {
    checkUpload(data, dtype, shape);
    if (this.gpu && isGpuType(dtype) && data.length > 0)
      return new GpuArray(this.gpu.device, dtype, shape, { values: data });
    return new HostArray(data, dtype, shape);
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
        logSeverityLevel: LOG_FATAL,
        externalData,
        ...(prepack ? {} : { extra: { session: { disable_prepacking: "1" } } }),
      });
      return new WebExecutable(this, session, options);
    });
  }
}

class WebExecutable implements Executable {
  private readonly backend: WebBackend;
  private readonly session: Ort.InferenceSession;
  private readonly inputs: readonly string[];
  private readonly outputs: readonly OutputSpec[];
  /** Type and shape of each input that the graph declares; an extent that it leaves open has a name. */
  private readonly declared = new Map<string, { type: string; shape: readonly (number | string)[] }>();
  private released = false;

  constructor(backend: WebBackend, session: Ort.InferenceSession, { inputs, outputs }: LoadOptions) {
    this.backend = backend;
    this.session = session;
    this.inputs = inputs;
    this.outputs = outputs;
    for (const input of session.inputMetadata) if (input.isTensor) this.declared.set(input.name, input);
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
    const feeds: Record<string, Ort.Tensor> = {};
    this.inputs.forEach((name, i) => {
      feeds[name] = this.tensor(name, inputs[i] as DeviceArray);
    });
    // Results on the GPU are written into memory of ours: tensors that a session makes itself become invalid
    // with its release, and with `preferredOutputLocation` a session is of no use after its first error.
    const onGpu = this.outputs.map((spec, i) => this.gpuOutput(spec, recycle[i]));
    const fetches: Record<string, Ort.Tensor | null> = {};
    this.outputs.forEach(({ name }, i) => {
      const array = onGpu[i];
      fetches[name] = array ? this.gpuTensor(array) : null;
    });
    const results = await this.session.run(feeds, fetches, { logSeverityLevel: LOG_FATAL });
    return this.outputs.map(
      ({ name, dtype, shape }, i) =>
        onGpu[i] ?? new HostArray((results[name] as Ort.Tensor).data as TypedArray, dtype, shape),
    );
  }

  /** Where output `spec` goes; undefined for host memory, which `onnxruntime-web` allots itself. */
  private gpuOutput(spec: OutputSpec, recycle: DeviceArray | undefined): GpuArray | undefined {
    const { gpu } = this.backend;
    const { dtype, shape } = spec;
    if (!gpu || !isGpuType(dtype) || shape.includes(0)) return undefined;
    if (recycle && (!(recycle instanceof GpuArray) || describe(recycle) !== describe(spec)))
      throw new Error(`output ${spec.name}: cannot recycle ${describe(recycle)} as ${describe(spec)}`);
    return new GpuArray(gpu.device, dtype, shape, recycle ? { memory: recycle.take() } : {});
  }

  private tensor(name: string, array: DeviceArray): Ort.Tensor {
    const { type, shape = [] } = this.declared.get(name) ?? {};
    const expected = shape.map((extent, axis) => (typeof extent === "string" ? array.shape[axis] : extent));
    if (describe(array) !== `${type} [${expected.join(", ")}]`)
      throw new Error(`input ${name}: expected ${type} [${shape.join(", ")}], got ${describe(array)}`);
    if (this.backend.gpu && array instanceof GpuArray) return this.gpuTensor(array);
    const data = hostValues(name, array, NAME);
    // The declared overloads know half-precision values as `Uint16Array` only; both are taken.
    return new this.backend.ort.Tensor(array.dtype, data as Exclude<TypedArray, Float16Array>, array.shape);
  }

  private gpuTensor({ buffer, dtype, shape }: GpuArray): Ort.Tensor {
    const memory = buffer as GpuBuffer & Ort.Tensor.GpuBufferType;
    return this.backend.ort.Tensor.fromGpuBuffer(memory, { dataType: dtype, dims: shape });
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
  const loaded = await probe(backend);
  // The GPU device, with all its memory, lives as long as there is a session.
  if (device === "webgpu") backend.gpu = { device: await ort.env.webgpu.device, keptBy: loaded };
  else loaded.release();
  return backend;
}
