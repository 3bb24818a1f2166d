/** Browser backend on `onnxruntime-web`: WebAssembly, or WebGPU with arrays that stay in GPU memory between runs. */
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
  /** The device and a session that keeps it alive; set once the first session exists. */
  gpu: { readonly device: GpuDevice; readonly keptBy: Executable } | undefined;
  /** `onnxruntime-web` does one thing at a time, so loading counts as a run. */
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
  /** Type and shape of each input as declared by the graph; a free extent is a name. */
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
    // An array may be released while a run that reads it is queued.
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
    // GPU results are written into our own buffers: tensors allocated by a session become invalid when it is
    // released, and with `preferredOutputLocation` a session is unusable after its first error.
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

  /** The array for output `spec`; `undefined` for host memory, which `onnxruntime-web` allocates itself. */
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
    // The declared overloads accept float16 only as `Uint16Array`, but a `Float16Array` works too.
    return new this.backend.ort.Tensor(array.dtype, data as Exclude<TypedArray, Float16Array>, array.shape);
  }

  private gpuTensor({ buffer, dtype, shape }: GpuArray): Ort.Tensor {
    const memory = buffer as GpuBuffer & Ort.Tensor.GpuBufferType;
    return this.backend.ort.Tensor.fromGpuBuffer(memory, { dataType: dtype, dims: shape });
  }
}

/**
 * Opens the backend on a build of `onnxruntime-web`. Rejects if WebAssembly or WebGPU is missing; the message
 * says which. Threads require a cross-origin isolated page.
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
  // The GPU device and all its memory live only as long as some session does.
  if (device === "webgpu") backend.gpu = { device: await ort.env.webgpu.device, keptBy: loaded };
  else loaded.release();
  return backend;
}
