/**
 * The functions of ONNX Runtime's C interface that the direct binding calls.
 *
 * The interface is a struct of function pointers (`struct OrtApi` in `onnxruntime_c_api.h`) that only grows at
 * its end, so positions stay valid in later versions. Positions and signatures are those of API version 29.
 * Behaviour beyond the signatures (what is copied, which options exist) was verified only for `ORT_VERSION`,
 * so the binding accepts no other.
 */
export const ORT_VERSION = "1.30.0";
export const ORT_API_VERSION = 29;

/** Position, result and arguments. A `status` is null, or an error that the caller reads and releases. */
const FUNCTIONS = {
  GetErrorMessage: [2, "const char *", "void *"],
  CreateSessionFromArray: [8, "status", "void *", "void *", "size_t", "void *", "void *"],
  Run: [9, "status", "void *", "void *", "void *", "void *", "size_t", "void *", "size_t", "void *"],
  CreateSessionOptions: [10, "status", "void *"],
  DisableMemPattern: [17, "status", "void *"],
  SetSessionLogSeverityLevel: [22, "status", "void *", "int"],
  SetSessionGraphOptimizationLevel: [23, "status", "void *", "int"],
  SetIntraOpNumThreads: [24, "status", "void *", "int"],
  CreateTensorWithDataAsOrtValue: [
    49,
    "status",
    "void *",
    "void *",
    "size_t",
    "void *",
    "size_t",
    "int",
    "void *",
  ],
  CreateTensorTypeAndShapeInfo: [57, "status", "void *"],
  SetTensorElementType: [58, "status", "void *", "int"],
  SetDimensions: [59, "status", "void *", "void *", "size_t"],
  CreateCpuMemoryInfo: [69, "status", "int", "int", "void *"],
  ReleaseStatus: [93, "void", "void *"],
  ReleaseMemoryInfo: [94, "void", "void *"],
  ReleaseSession: [95, "void", "void *"],
  ReleaseValue: [96, "void", "void *"],
  ReleaseTypeInfo: [98, "void", "void *"],
  ReleaseTensorTypeAndShapeInfo: [99, "void", "void *"],
  ReleaseSessionOptions: [100, "void", "void *"],
  CreateEnvWithGlobalThreadPools: [119, "status", "int", "const char *", "void *", "void *"],
  DisablePerSessionThreads: [120, "status", "void *"],
  CreateThreadingOptions: [121, "status", "void *"],
  ReleaseThreadingOptions: [122, "void", "void *"],
  AddSessionConfigEntry: [130, "status", "void *", "const char *", "const char *"],
  CreateAndRegisterAllocator: [144, "status", "void *", "void *", "void *"],
  SetGlobalIntraOpNumThreads: [147, "status", "void *", "int"],
  SetGlobalInterOpNumThreads: [148, "status", "void *", "int"],
  SetGlobalSpinControl: [149, "status", "void *", "int"],
  ReleaseArenaCfg: [157, "void", "void *"],
  CreateArenaCfgV2: [164, "status", "void *", "void *", "size_t", "void *"],
  SessionOptionsAppendExecutionProvider: [
    216,
    "status",
    "void *",
    "const char *",
    "void *",
    "void *",
    "size_t",
  ],
  ReleaseValueInfo: [285, "void", "void *"],
  ReleaseGraph: [287, "void", "void *"],
  ReleaseModel: [288, "void", "void *"],
  GetModelEditorApi: [291, "void *"],
} as const satisfies FunctionTable;

/** The same for `struct OrtModelEditorApi`. */
const EDITOR_FUNCTIONS = {
  CreateTensorTypeInfo: [0, "status", "void *", "void *"],
  CreateValueInfo: [5, "status", "const char *", "void *", "void *"],
  CreateGraph: [7, "status", "void *"],
  SetGraphInputs: [8, "status", "void *", "void *", "size_t"],
  AddInitializerToGraph: [10, "status", "void *", "const char *", "void *", "bool"],
  CreateModel: [12, "status", "void *", "void *", "size_t", "void *"],
  AddGraphToModel: [13, "status", "void *", "void *"],
  CreateModelEditorSessionFromArray: [16, "status", "void *", "void *", "size_t", "void *", "void *"],
  ApplyModelToModelEditorSession: [18, "status", "void *", "void *"],
  FinalizeModelEditorSession: [19, "status", "void *", "void *", "void *"],
} as const satisfies FunctionTable;

type FunctionTable = Record<string, readonly [position: number, result: string, ...args: string[]]>;

/** An address; null pointers are `null`. */
export type Pointer = bigint;

/** An argument of a native function; an array passes the address of its first element. */
export type Argument = Pointer | number | boolean | string | ArrayBufferView | null;

/** A native function; `async` runs it on a thread of libuv's pool. */
export interface NativeFunction {
  (...args: readonly Argument[]): unknown;
  async(...args: [...Argument[], (error: Error | null, result: unknown) => void]): void;
}

type Bound<T extends FunctionTable> = Readonly<Record<keyof T, NativeFunction>>;
export type OrtApi = Bound<typeof FUNCTIONS>;
export type OrtEditorApi = Bound<typeof EDITOR_FUNCTIONS>;

/** Binds a function, given the address of the struct, its position there, and its signature. */
type Bind = (table: Pointer, position: number, result: string, args: readonly string[]) => NativeFunction;

function bindTable<T extends FunctionTable>(functions: T, table: Pointer, bind: Bind): Bound<T> {
  const bound: Record<string, NativeFunction> = {};
  for (const [name, [position, result, ...args]] of Object.entries(functions))
    bound[name] = bind(table, position, result === "status" ? "void *" : result, args);
  return bound as Bound<T>;
}

/** Binds the functions of the `OrtApi` at `table`. */
export function bindOrtApi(table: Pointer, bind: Bind): { api: OrtApi; editor: OrtEditorApi } {
  const api = bindTable(FUNCTIONS, table, bind);
  return { api, editor: bindTable(EDITOR_FUNCTIONS, api.GetModelEditorApi() as Pointer, bind) };
}
