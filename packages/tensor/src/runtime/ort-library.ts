/** ONNX Runtime's shared library, called through koffi: loading it, its environment, errors and tensors. */
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
 * Koffi switches to a stack of its own for each call, of 128 KiB by default where the call is asynchronous.
 * A chain of convolutions overran 64 KiB: both kinds get what a thread usually has. It can be set only
 * before koffi loads its first library.
 */
const STACK_BYTES = 8 << 20;

const DEVICE_ALLOCATOR = 0;
const ARENA_ALLOCATOR = 1;

const LIBRARY_FILES: Readonly<Record<string, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  win32: "onnxruntime.dll",
};

/** The library that the `onnxruntime-node` package brings for this machine. */
function libraryPath(): string {
  const file = LIBRARY_FILES[process.platform];
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  const path = join(dirname(main), "../bin/napi-v6", process.platform, process.arch, file ?? "");
  if (!file || !existsSync(path))
    throw new Error(`onnxruntime-node has no library for ${process.platform}-${process.arch} (${path})`);
  return path;
}

/** What native code on another thread is using; what is here is not collected. */
const inUse = new Set<object>();

/** The library with its process-wide environment: one thread pool and one memory arena for all sessions. */
export class OrtLibrary {
  readonly api: OrtApi;
  readonly editor: OrtEditorApi;
  readonly environment: Pointer;
  /** Size of the shared thread pool; undefined where somebody else made the environment without one. */
  sharedThreads: number | undefined;
  private readonly koffi: Koffi;
  private readonly hostMemory: Pointer;
  private readonly out = new BigUint64Array(new ArrayBuffer(8));
  private readonly outAddress: Pointer;
  private readonly dims = new BigInt64Array(new ArrayBuffer(8 * 64));
  private readonly dimsAddress: Pointer;
  private readonly mallocTrim: ((keep: number) => number) | undefined;
  /**
   * Kept, as koffi unloads a library that nobody has any more; it does not know that the functions are of it. (The
   * threads of a pool would keep it loaded too. One thread is no pool.)
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

  /** Throws the error that a status tells of, and releases it. */
  check(status: unknown): void {
    if (status === null) return;
    const message = this.api.GetErrorMessage(status as Pointer) as string;
    this.api.ReleaseStatus(status as Pointer);
    throw new Error(`ONNX Runtime: ${message}`);
  }

  /** Calls a function whose last argument is where to write the object it makes. */
  create(make: NativeFunction, ...args: readonly Argument[]): Pointer {
    this.check(make(...args, this.outAddress));
    return this.out[0] as Pointer;
  }

  /** Calls a function on a thread of libuv's pool. What is in `used`, the memory that it is given, is kept alive. */
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

  /** An `OrtValue` over the memory of `data`, to be released by the caller; 0.25 µs. */
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

  /** Gives freed memory back to the system where the C library keeps it (glibc). */
  trim(): void {
    this.mallocTrim?.(0);
  }

  private openEnvironment(threads: number): Pointer {
    const { api } = this;
    const options = this.create(api.CreateThreadingOptions);
    this.check(api.SetGlobalIntraOpNumThreads(options, threads));
    // Operators run one after the other: the threads of a second pool would only spin at the start (34 ms of each).
    this.check(api.SetGlobalInterOpNumThreads(options, 1));
    // Threads that spin between operators made a chain of small matrix products 1.3 times as fast; they stop
    // after some milliseconds, so that an idle process costs nothing.
    this.check(api.SetGlobalSpinControl(options, 1));
    const environment = this.create(api.CreateEnvWithGlobalThreadPools, LOG_FATAL, "tessera", options);
    api.ReleaseThreadingOptions(options);

    // One arena for all sessions: forty graphs of different sizes kept 1.4 GB in arenas of their own and
    // 0.12 GB in a shared one (runs are serialised, so one peak serves all). Growth by powers of two, since
    // regions of the exact size do not join again and took twice as much.
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

/** Strings for native code: NUL-terminated UTF-8 and the array of their addresses. */
export class CStrings {
  /** Passed where C expects `const char *const *`. */
  readonly pointers: BigUint64Array<ArrayBuffer>;
  /** The memory that the pointers point into. */
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

/** `malloc_trim` of glibc; other C libraries have none. */
function bindMallocTrim(koffi: Koffi): ((keep: number) => number) | undefined {
  try {
    return koffi.load("libc.so.6").func("malloc_trim", "int", ["size_t"]);
  } catch {
    return undefined;
  }
}

let opened: Promise<OrtLibrary> | undefined;

/**
 * Loads the library once per thread of JavaScript. `threads` counts for the first call of the process:
 * the thread pool is shared. Rejects where koffi or the library cannot be loaded or has another version.
 */
export function openLibrary(threads = availableParallelism()): Promise<OrtLibrary> {
  return (opened ??= import("koffi").then((koffi) => new OrtLibrary(koffi, threads)));
}
