/** ONNX Runtime's shared library, called through koffi: loading, environment, errors and tensors. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import type { LibraryHandle } from "koffi";
import { type DType, ONNX_TYPE, type TypedArray } from "../dtype.ts";
import { LOG_FATAL } from "./checks.ts";
import {
  type Argument,
  bindOrtApi,
  type NativeFunction,
  ORT_API_VERSION,
  ORT_VERSION,
  type OrtApi,
  type OrtEditorApi,
  type Pointer,
} from "./ort-api.ts";

type Koffi = typeof import("koffi");

/**
 * Koffi runs each call on a separate stack, by default 128 KiB for asynchronous calls. A chain of
 * convolutions overran 64 KiB, so both kinds of call get the usual stack size of a thread. It can only be
 * set before koffi loads its first library.
 */
const STACK_BYTES = 8 << 20;

const DEVICE_ALLOCATOR = 0;
const ARENA_ALLOCATOR = 1;

const LIBRARY_FILES: Readonly<Record<string, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  win32: "onnxruntime.dll",
};

/** The library that the `onnxruntime-node` package ships for this platform. */
function libraryPath(): string {
  const file = LIBRARY_FILES[process.platform];
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  const path = join(dirname(main), "../bin/napi-v6", process.platform, process.arch, file ?? "");
  if (!file || !existsSync(path))
    throw new Error(`onnxruntime-node has no library for ${process.platform}-${process.arch} (${path})`);
  return path;
}

/** Objects in use by native code on another thread, kept from garbage collection. */
const inUse = new Set<object>();

/** The library with its process-wide environment: one thread pool and one memory arena for all sessions. */
export class OrtLibrary {
  readonly api: OrtApi;
  readonly editor: OrtEditorApi;
  readonly environment: Pointer;
  /** Size of the shared thread pool; `undefined` if other code created the environment without one. */
  sharedThreads: number | undefined;
  private readonly koffi: Koffi;
  private readonly hostMemory: Pointer;
  private readonly out = new BigUint64Array(new ArrayBuffer(8));
  private readonly outAddress: Pointer;
  private readonly dims = new BigInt64Array(new ArrayBuffer(8 * 64));
  private readonly dimsAddress: Pointer;
  private readonly mallocTrim: ((keep: number) => number) | undefined;
  /**
   * Kept referenced, as koffi unloads a library once its handle is collected, even if functions of it are still
   * bound. (The threads of a pool would keep it loaded too, but a single thread makes no pool.)
   */
  readonly loaded: LibraryHandle;

  constructor(koffi: Koffi, threads: number) {
    this.koffi = koffi;
    const { sync_stack_size: here = 0, async_stack_size: elsewhere = 0 } = koffi.config();
    if (Math.min(here, elsewhere) < STACK_BYTES)
      koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
    const path = libraryPath();
    this.loaded = koffi.load(path);
    ({ api: this.api, editor: this.editor } = bindLibrary(koffi, this.loaded, path));
    this.outAddress = this.address(this.out);
    this.dimsAddress = this.address(this.dims);
    this.hostMemory = this.create(this.api.CreateCpuMemoryInfo, DEVICE_ALLOCATOR, 0);
    this.environment = this.openEnvironment(threads);
    this.sharedThreads = threads;
    if (process.platform === "linux") this.mallocTrim = bindMallocTrim(koffi);
  }

  /** Address of the first element. The caller keeps the array alive while native code may use it. */
  address(array: ArrayBufferView): Pointer {
    return this.koffi.address(array);
  }

  /** If `status` is an error, releases it and throws its message. */
  check(status: unknown): void {
    if (status === null) return;
    const message = this.api.GetErrorMessage(status as Pointer) as string;
    this.api.ReleaseStatus(status as Pointer);
    throw new Error(`ONNX Runtime: ${message}`);
  }

  /** Calls a function that creates an object, with the output pointer as its last argument. */
  create(make: NativeFunction, ...args: readonly Argument[]): Pointer {
    this.check(make(...args, this.outAddress));
    return this.out[0] as Pointer;
  }

  /** Calls a function on a libuv worker thread. Keeps `used`, which holds the memory passed to it, alive meanwhile. */
  callAsync(used: object, call: NativeFunction, ...args: readonly Argument[]): Promise<void> {
    inUse.add(used);
    return new Promise((resolve, reject) => {
      call.async(...args, (error, status) => {
        inUse.delete(used);
        try {
          if (error) throw error;
          this.check(status);
          resolve();
        } catch (failure) {
          reject(failure);
        }
      });
    });
  }

  /** An `OrtValue` over the memory of `data`; the caller releases it. Takes 0.25 µs. */
  tensor(data: TypedArray, dtype: DType, shape: readonly number[]): Pointer {
    if (shape.length > this.dims.length)
      throw new Error(`expected at most ${this.dims.length} axes, got ${shape.length}`);
    for (let i = 0; i < shape.length; i++) this.dims[i] = BigInt(shape[i] as number);
    return this.create(
      this.api.CreateTensorWithDataAsOrtValue,
      this.hostMemory,
      this.address(data),
      data.byteLength,
      this.dimsAddress,
      shape.length,
      ONNX_TYPE[dtype],
    );
  }

  /** Returns freed memory that the C library (glibc) holds to the system. */
  trim(): void {
    this.mallocTrim?.(0);
  }

  private openEnvironment(threads: number): Pointer {
    const { api } = this;
    const options = this.create(api.CreateThreadingOptions);
    this.check(api.SetGlobalIntraOpNumThreads(options, threads));
    // Operators run sequentially: the threads of a second pool would only spin at startup (34 ms each).
    this.check(api.SetGlobalInterOpNumThreads(options, 1));
    // Spinning between operators made a chain of small matrix products 1.3 times as fast. Threads stop
    // spinning after a few milliseconds, so an idle process costs nothing.
    this.check(api.SetGlobalSpinControl(options, 1));
    const environment = this.create(api.CreateEnvWithGlobalThreadPools, LOG_FATAL, "tessera", options);
    api.ReleaseThreadingOptions(options);

    // One arena for all sessions: forty graphs of different sizes held 1.4 GB in separate arenas and 0.12 GB in
    // a shared one (runs are serialised, so they share one peak). It grows by powers of two, since regions of
    // the exact size do not coalesce and took twice as much.
    const arena = new CStrings(this, ["arena_extend_strategy"]);
    const nextPowerOfTwo = new BigUint64Array(new ArrayBuffer(8));
    const config = this.create(api.CreateArenaCfgV2, arena.pointers, nextPowerOfTwo, 1);
    const memory = this.create(api.CreateCpuMemoryInfo, ARENA_ALLOCATOR, 0);
    const status = api.CreateAndRegisterAllocator(environment, memory, config);
    api.ReleaseArenaCfg(config);
    api.ReleaseMemoryInfo(memory);
    this.check(status);
    return environment;
  }
}

/** Strings for native code: NUL-terminated UTF-8 and an array of their addresses. */
export class CStrings {
  /** The `const char *const *` to pass to C. */
  readonly pointers: BigUint64Array<ArrayBuffer>;
  /** The memory the pointers refer to. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(library: Pick<OrtLibrary, "address">, strings: readonly string[]) {
    const encoded = strings.map((string) => new TextEncoder().encode(`${string}\0`));
    this.bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 1));
    this.pointers = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, strings.length)));
    const start = library.address(this.bytes);
    let offset = 0;
    encoded.forEach((string, i) => {
      this.bytes.set(string, offset);
      this.pointers[i] = start + BigInt(offset);
      offset += string.length;
    });
  }
}

function bindLibrary(koffi: Koffi, library: LibraryHandle, path: string): ReturnType<typeof bindOrtApi> {
  const BASE = koffi.struct({ GetApi: "void *", GetVersionString: "void *" });
  const base = koffi.decode(library.func("OrtGetApiBase", "void *", [])(), BASE) as Record<string, Pointer>;
  const version: string = koffi.call(base.GetVersionString, koffi.proto("const char *", []));
  if (version !== ORT_VERSION)
    throw new Error(`expected ONNX Runtime ${ORT_VERSION}, got ${version} (${path})`);
  const table: Pointer | null = koffi.call(base.GetApi, koffi.proto("void *", ["uint32_t"]), ORT_API_VERSION);
  if (table === null)
    throw new Error(`ONNX Runtime ${version} has no API version ${ORT_API_VERSION} (${path})`);
  return bindOrtApi(table, (start, position, result, args) => {
    const pointer: Pointer = koffi.decode(start, 8 * position, "void *");
    return koffi.decode(pointer, koffi.proto(result, [...args])) as NativeFunction;
  });
}

/** `malloc_trim` of glibc; `undefined` for other C libraries. */
function bindMallocTrim(koffi: Koffi): ((keep: number) => number) | undefined {
  try {
    return koffi.load("libc.so.6").func("malloc_trim", "int", ["size_t"]);
  } catch {
    return undefined;
  }
}

let opened: Promise<OrtLibrary> | undefined;

/**
 * Loads the library once per JavaScript thread. Only the first call in the process sets `threads`, as the
 * thread pool is shared. Rejects if koffi or the library fails to load, or the library has another version.
 */
export function openLibrary(threads = availableParallelism()): Promise<OrtLibrary> {
  return (opened ??= import("koffi").then((koffi) => new OrtLibrary(koffi, threads)));
}
