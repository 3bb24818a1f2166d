/**
 * Node backend on ONNX Runtime's shared library: results are written directly into JavaScript's memory, and
 * the event loop stays free while a graph runs.
 */
import { availableParallelism } from "node:os";
import { allocate, type DType, type TypedArray } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Backend, BackendOptions, DeviceArray, Executable, LoadOptions, OutputSpec } from "./backend.ts";
import { checkCount, checkOutputs, checkUpload, LOG_FATAL } from "./checks.ts";
import { HostArray, hostValues, recycled } from "./host-array.ts";
import type { Pointer } from "./ort-api.ts";
import { CStrings, type OrtLibrary, openLibrary } from "./ort-library.ts";
import { createSession } from "./ort-weights.ts";
import { probe } from "./probe.ts";
import { Serial } from "./serial.ts";

const NAME = "ort-direct";

/**
 * A graph that took less than this (ms) in its last run is run synchronously on the calling thread: a hop to
 * another thread and back costs 17 µs, a synchronous call 1.5 µs.
 */
const QUICK = 0.15;
/** After this much time (ms) in synchronous runs, the next one goes to another thread, so that timers and I/O can run. */
const SYNC_BUDGET = 8;

/** `GraphOptimizationLevel`. */
const LEVELS = { none: 0, basic: 1, extended: 2, all: 99 } as const;

/** Releasing a session with more weights than this (bytes) also returns freed memory to the system. */
const MUCH_MEMORY = 32 << 20;

class DirectBackend implements Backend {
  readonly name = NAME;
  readonly device: "cpu" | "webgpu";
  readonly library: OrtLibrary;
  readonly runs = new Serial();
  /** Time (ms) spent in synchronous runs since the last asynchronous one. */
  timeHere = 0;
  private readonly loads = new Serial();
  private readonly threads: number;

  constructor(library: OrtLibrary, device: "cpu" | "webgpu", threads: number) {
    this.library = library;
    this.device = device;
    this.threads = threads;
  }

  upload(data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray {
    checkUpload(data, dtype, shape);
    return new HostArray(data, dtype, shape);
  }

  load(model: Uint8Array, options: LoadOptions): Promise<Executable> {
    return this.loads.run(async () => {
      checkOutputs(options);
      return new DirectExecutable(this, options, await this.open(model, options));
    });
  }

  /** Creates a session on another thread. */
  private async open(model: Uint8Array, options: LoadOptions): Promise<Session> {
    const { library } = this;
    const weights = new Map<string, HostArray>();
    for (const [name, array] of options.weights ?? []) {
      hostValues(name, array, NAME);
      weights.set(name, array as HostArray);
    }
    const settings = library.create(library.api.CreateSessionOptions);
    try {
      this.configure(settings, options);
      const pointer = await createSession(library, settings, model, weights);
      let bytes = 0;
      for (const array of weights.values()) {
        array.pin();
        bytes += array.data.byteLength;
      }
      return { pointer, weights: [...weights.values()], bytes };
    } finally {
      library.api.ReleaseSessionOptions(settings);
    }
  }

  private configure(settings: Pointer, { optimization = "all", prepack = true }: LoadOptions): void {
    const { library } = this;
    const { api } = library;
    const set = (key: string, value: string) =>
      library.check(api.AddSessionConfigEntry(settings, key, value));
    library.check(api.SetSessionLogSeverityLevel(settings, LOG_FATAL));
    library.check(api.SetSessionGraphOptimizationLevel(settings, LEVELS[optimization]));
    if (this.threads === library.sharedThreads) library.check(api.DisablePerSessionThreads(settings));
    else library.check(api.SetIntraOpNumThreads(settings, this.threads));
    // Planning all temporaries in one block took 1.5 times the memory of the arena alone and was no faster.
    library.check(api.DisableMemPattern(settings));
    set("session.use_env_allocators", "1");
    // Otherwise initializers would stay in the shared arena forever.
    set("session.use_device_allocator_for_initializers", "1");
    if (!prepack) set("session.disable_prepacking", "1");
    if (this.device === "webgpu")
      library.check(api.SessionOptionsAppendExecutionProvider(settings, "WebGPU", null, null, 0));
  }
}

/** A native session and the weights it reads. */
interface Session {
  readonly pointer: Pointer;
  readonly weights: readonly HostArray[];
  /** Total size of the weights. */
  readonly bytes: number;
}

function releaseSession(library: OrtLibrary, { pointer, weights, bytes }: Session): void {
  library.api.ReleaseSession(pointer);
  for (const array of weights) array.unpin();
  if (bytes > MUCH_MEMORY) library.trim();
}

/** Frees the sessions of executables that are garbage-collected without `release`. */
const dropped = new FinalizationRegistry(({ library, session }: { library: OrtLibrary; session: Session }) =>
  releaseSession(library, session),
);

class DirectExecutable implements Executable {
  private readonly backend: DirectBackend;
  private readonly inputs: readonly string[];
  private readonly outputs: readonly OutputSpec[];
  private readonly session: Session;
  private readonly inputNames: CStrings;
  private readonly outputNames: CStrings;
  /** The `OrtValue`s of the current run. */
  private readonly inputValues: BigUint64Array<ArrayBuffer>;
  private readonly outputValues: BigUint64Array<ArrayBuffer>;
  private lastTime = Number.POSITIVE_INFINITY;
  private released = false;

  constructor(backend: DirectBackend, { inputs, outputs }: LoadOptions, session: Session) {
    this.backend = backend;
    this.inputs = inputs;
    this.outputs = outputs;
    this.session = session;
    this.inputNames = new CStrings(backend.library, inputs);
    this.outputNames = new CStrings(
      backend.library,
      outputs.map(({ name }) => name),
    );
    this.inputValues = new BigUint64Array(this.inputNames.pointers.length);
    this.outputValues = new BigUint64Array(this.outputNames.pointers.length);
    dropped.register(this, { library: backend.library, session }, this);
  }

  async run(
    inputs: readonly DeviceArray[],
    recycle?: readonly (DeviceArray | undefined)[],
  ): Promise<DeviceArray[]> {
    const { runs } = this.backend;
    if (this.released) throw new Error("run: the executable was released");
    checkCount(this.inputs, inputs);
    const start = () => this.start(inputs, recycle);
    return runs.idle && this.quick() ? start() : runs.run(start);
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    const free = async () => {
      dropped.unregister(this);
      releaseSession(this.backend.library, this.session);
    };
    const { runs } = this.backend;
    void (runs.idle ? free() : runs.run(free));
  }

  private quick(): boolean {
    return this.lastTime < QUICK && this.backend.timeHere < SYNC_BUDGET;
  }

  /** Runs the graph; runs are serialised, so no other is in progress. */
  private async start(
    inputs: readonly DeviceArray[],
    recycle: readonly (DeviceArray | undefined)[] | undefined,
  ): Promise<DeviceArray[]> {
    const { backend, inputValues, outputValues } = this;
    const { library } = backend;
    const { api } = library;
    // Recycled memory is taken first, so that an input that is also recycled is an error, not a wrong result.
    const outputs = this.outputs.map((spec, i) => {
      const data = recycled(spec, recycle?.[i]) ?? allocate(spec.dtype, sizeOf(spec.shape));
      return new HostArray(data, spec.dtype, spec.shape);
    });
    const values: Pointer[] = [];
    try {
      const wrap = (data: TypedArray, { dtype, shape }: DeviceArray): Pointer => {
        const value = library.tensor(data, dtype, shape);
        values.push(value);
        return value;
      };
      inputs.forEach((array, i) => {
        inputValues[i] = wrap(hostValues(this.inputs[i] as string, array, NAME), array);
      });
      outputs.forEach((array, i) => {
        outputValues[i] = wrap(array.data, array);
      });
      const call = [
        this.session.pointer,
        null,
        this.inputNames.pointers,
        inputValues,
        inputs.length,
        this.outputNames.pointers,
        outputs.length,
        outputValues,
      ] as const;
      const begin = performance.now();
      if (this.quick()) {
        library.check(api.Run(...call));
        this.lastTime = performance.now() - begin;
        backend.timeHere += this.lastTime;
      } else {
        await library.callAsync({ executable: this, inputs, outputs }, api.Run, ...call);
        this.lastTime = performance.now() - begin;
        backend.timeHere = 0;
      }
      return outputs;
    } finally {
      for (const value of values) api.ReleaseValue(value);
    }
  }
}

/**
 * Opens the backend. Rejects if the library fails to load, has another version, or has no device for
 * `webgpu`; the message says which.
 */
export async function openDirect(options: BackendOptions): Promise<Backend> {
  const threads = options.threads ?? availableParallelism();
  const library = await openLibrary(threads);
  const backend = new DirectBackend(library, options.device === "webgpu" ? "webgpu" : "cpu", threads);
  const loaded = await probe(backend).catch((error: Error) => {
    // If onnxruntime-node loaded first, the process has an environment without shared threads.
    if (!error.message.includes("GlobalThreadPools")) throw error;
    library.sharedThreads = undefined;
    return probe(backend);
  });
  loaded.release();
  return backend;
}
