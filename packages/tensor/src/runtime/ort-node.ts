/**
 * Node backend on the `onnxruntime-node` package, the fallback if the direct one fails to load. It computes the
 * same, but copies every result and blocks the event loop during a run.
 */
import type * as Ort from "onnxruntime-node";
import type { DType, TypedArray } from "../dtype.ts";
import type { Backend, BackendOptions, DeviceArray, Executable, LoadOptions, OutputSpec } from "./backend.ts";
import { bytesOf, checkCount, checkOutputs, checkUpload, LOG_FATAL } from "./checks.ts";
import { HostArray, hostValues } from "./host-array.ts";
import { probe } from "./probe.ts";
import { Serial } from "./serial.ts";

const NAME = "ort-node";
const LEVELS = { none: "disabled", basic: "basic", extended: "extended", all: "all" } as const;

class NodeBackend implements Backend {
  readonly name = NAME;
  readonly device: "cpu" | "webgpu";
  private readonly ort: typeof Ort;
  private readonly threads: number | undefined;
  private readonly runs = new Serial();

  constructor(ort: typeof Ort, { device, threads }: BackendOptions) {
    this.ort = ort;
    this.device = device === "webgpu" ? "webgpu" : "cpu";
    this.threads = threads;
  }

  upload(data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray {
    checkUpload(data, dtype, shape);
    return new HostArray(data, dtype, shape);
  }

  async load(model: Uint8Array, options: LoadOptions): Promise<Executable> {
    checkOutputs(options);
    const { optimization = "all", prepack = true, weights = new Map<string, DeviceArray>() } = options;
    const session = await this.ort.InferenceSession.create(model, {
      executionProviders: [this.device],
      graphOptimizationLevel: LEVELS[optimization],
      enableMemPattern: false,
      logSeverityLevel: LOG_FATAL,
      externalData: [...weights].map(([path, array]) => ({
        path,
        data: bytesOf(hostValues(path, array, NAME)),
      })),
      ...(this.threads === undefined ? {} : { intraOpNumThreads: this.threads }),
      ...(prepack ? {} : { extra: { session: { disable_prepacking: "1" } } }),
    });
    return new NodeExecutable(this.ort, this.runs, session, options);
  }
}

class NodeExecutable implements Executable {
  private readonly ort: typeof Ort;
  private readonly runs: Serial;
  private readonly session: Ort.InferenceSession;
  private readonly inputs: readonly string[];
  private readonly outputs: readonly OutputSpec[];
  private released = false;

  constructor(ort: typeof Ort, runs: Serial, session: Ort.InferenceSession, options: LoadOptions) {
    this.ort = ort;
    this.runs = runs;
    this.session = session;
    this.inputs = options.inputs;
    this.outputs = options.outputs;
  }

  async run(inputs: readonly DeviceArray[]): Promise<DeviceArray[]> {
    if (this.released) throw new Error("run: the executable was released");
    checkCount(this.inputs, inputs);
    return this.runs.run(() => this.start(inputs));
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    void this.runs.run(() => this.session.release());
  }

  private async start(inputs: readonly DeviceArray[]): Promise<DeviceArray[]> {
    const feeds: Record<string, Ort.Tensor> = {};
    inputs.forEach((array, i) => {
      const name = this.inputs[i] as string;
      feeds[name] = this.tensor(hostValues(name, array, NAME), array);
    });
    const names = this.outputs.map(({ name }) => name);
    const results = await this.session.run(feeds, names);
    return this.outputs.map(({ name, dtype, shape }) => {
      const { data } = results[name] as Ort.Tensor;
      return new HostArray(data as TypedArray, dtype, shape);
    });
  }

  private tensor(data: TypedArray, { dtype, shape }: DeviceArray): Ort.Tensor {
    if (!(data instanceof Float16Array)) return new this.ort.Tensor(dtype, data, shape);
    // Version 1.30 reads no bytes from a `Float16Array`, and `Tensor` turns every float16 input into one.
    const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
    return Object.assign(new this.ort.Tensor("uint16", bits, shape), { type: "float16" });
  }
}

/** Opens the backend. Rejects if the package fails to load, or has no device for `webgpu`. */
export async function openNode(options: BackendOptions): Promise<Backend> {
  const backend = new NodeBackend(await import("onnxruntime-node"), options);
  (await probe(backend)).release();
  return backend;
}
