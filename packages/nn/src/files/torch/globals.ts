/** The classes and functions that PyTorch checkpoints refer to. Each builds a plain value and does nothing else. */
import { swapped } from "../byte-order.ts";
import { CheckpointError, showName } from "../error.ts";
import { numpyGlobals } from "../numpy/globals.ts";
import {
  asArray,
  asDims,
  asText,
  type CallContext,
  PickleGlobal,
  PickleObject,
  type PickleValue,
} from "../pickle/values.ts";
import { type ReadBytes, StoredTensor } from "../stored.ts";
import { type StoredDType, storedBits } from "../stored-dtype.ts";
import { stridedReader } from "../strided.ts";

export interface PickleOptions {
  /**
   * How to treat unknown classes and functions: keep their objects as inert `PickleObject`s (`"opaque"`, the
   * default), or `"refuse"` the file. Nothing is executed either way. By default, files that name functions only an
   * attack would call, such as `os.system`, are refused too.
   */
  readonly unknownClasses?: "refuse" | "opaque";
}

/** The memory that PyTorch tensors are views of. */
export class TorchStorage extends PickleObject {
  /** The element type; `undefined` if it is given by the tensors (`UntypedStorage`). */
  readonly dtype: StoredDType | undefined;
  readonly byteLength: number;
  readonly read: ReadBytes;
  readonly bigEndian: boolean;

  constructor(dtype: StoredDType | undefined, byteLength: number, read: ReadBytes, bigEndian = false) {
    super("torch.storage", []);
    this.dtype = dtype;
    this.byteLength = byteLength;
    this.read = read;
    this.bigEndian = bigEndian;
  }
}

const DTYPES = new Map<string, StoredDType>([
  ["torch.float64", "F64"],
  ["torch.float32", "F32"],
  ["torch.float16", "F16"],
  ["torch.bfloat16", "BF16"],
  ["torch.int64", "I64"],
  ["torch.int32", "I32"],
  ["torch.int16", "I16"],
  ["torch.int8", "I8"],
  ["torch.uint8", "U8"],
  ["torch.uint16", "U16"],
  ["torch.uint32", "U32"],
  ["torch.uint64", "U64"],
  ["torch.bool", "BOOL"],
  ["torch.complex64", "C64"],
  ["torch.complex128", "C128"],
  ["torch.float8_e4m3fn", "F8_E4M3"],
  ["torch.float8_e5m2", "F8_E5M2"],
  ["torch.float8_e4m3fnuz", "F8_E4M3FNUZ"],
  ["torch.float8_e5m2fnuz", "F8_E5M2FNUZ"],
  ["torch.float8_e8m0fnu", "F8_E8M0"],
]);

const STORAGES = new Map<string, StoredDType | undefined>([
  ["DoubleStorage", "F64"],
  ["FloatStorage", "F32"],
  ["HalfStorage", "F16"],
  ["BFloat16Storage", "BF16"],
  ["LongStorage", "I64"],
  ["IntStorage", "I32"],
  ["ShortStorage", "I16"],
  ["CharStorage", "I8"],
  ["ByteStorage", "U8"],
  ["BoolStorage", "BOOL"],
  ["ComplexFloatStorage", "C64"],
  ["ComplexDoubleStorage", "C128"],
  ["QInt8Storage", "I8"],
  ["QUInt8Storage", "U8"],
  ["QInt32Storage", "I32"],
  ["UntypedStorage", undefined],
]);

/** The size in bytes of a storage with `count` elements of the class `name`; `dtype` as in `TorchStorage`. */
export function storageLayout(
  type: PickleValue,
  count: PickleValue,
): { dtype?: StoredDType; byteLength: number } {
  const name = type instanceof PickleGlobal ? type.name : "";
  const [, short = ""] = /^torch\.(?:cuda\.|storage\.)?(\w+)$/.exec(name) ?? [];
  if (!STORAGES.has(short)) throw new CheckpointError(`${showName(name)} is not a storage type`);
  const dtype = STORAGES.get(short);
  const byteLength =
    typeof count === "number" ? count * (dtype === undefined ? 1 : storedBits(dtype) / 8) : NaN;
  if (!Number.isSafeInteger(byteLength) || byteLength < 0)
    throw new CheckpointError(`a ${showName(short)} of ${byteLength} bytes`);
  return dtype === undefined ? { byteLength } : { dtype, byteLength };
}

type Call = (args: readonly PickleValue[], context: CallContext) => PickleValue;

const CALLS = new Map<string, Call>([
  // Python
  ["collections.OrderedDict", ([pairs = []], context) => toMap(pairs, context)],
  ["collections.defaultdict", ([, pairs = []], context) => toMap(pairs, context)],
  ["collections.Counter", ([pairs = []], context) => toMap(pairs, context)],
  ["builtins.dict", ([pairs = []], context) => toMap(pairs, context)],
  ["builtins.list", ([items = []], context) => copyItems(items, context)],
  ["builtins.tuple", ([items = []], context) => copyItems(items, context)],
  ["builtins.set", ([items = []], context) => new Set(copyItems(items, context))],
  ["builtins.frozenset", ([items = []], context) => new Set(copyItems(items, context))],
  ["builtins.complex", (args) => new PickleObject("builtins.complex", args)],
  ["builtins.bytearray", ([data = "", encoding], context) => toBytes(data, encoding, context)],
  ["builtins.bytes", ([data = "", encoding], context) => toBytes(data, encoding, context)],
  ["_codecs.encode", ([data = "", encoding], context) => toBytes(data, encoding, context)],

  // PyTorch
  ["torch.Size", ([dims = []]) => asArray(dims)],
  ["torch.device", ([type = "", index]) => (typeof index === "number" ? `${asText(type)}:${index}` : type)],
  ["torch.serialization._get_layout", ([layout = ""]) => layout],
  ["torch.nn.parameter.Parameter", ([data = null]) => data],
  ["torch._utils._rebuild_parameter", ([data = null]) => data],
  ["torch._utils._rebuild_parameter_with_state", ([data = null]) => data],
  ["torch._utils._rebuild_tensor", (args, context) => rebuildTensor(args, undefined, undefined, context)],
  // storage, offset, size, stride, requires_grad, hooks, metadata; v3 has the dtype before the metadata.
  ["torch._utils._rebuild_tensor_v2", (args, context) => rebuildTensor(args, undefined, args[6], context)],
  ["torch._utils._rebuild_tensor_v3", (args, context) => rebuildTensor(args, args[6], args[7], context)],
  ["torch._tensor._rebuild_from_type_v2", (args, context) => rebuildFromType(args, context)],
]);

/** Names kept as names: factories of `defaultdict`, tensor types. */
const NAMES = new Set([
  "builtins.int",
  "builtins.float",
  "builtins.str",
  "builtins.bool",
  "builtins.object",
  "torch.Tensor",
]);

// A warning to users, not a defence: objects of all other names are inert too.
const ATTACKS =
  /^(?:os|posix|nt|subprocess|pty|shutil|socket|ctypes|importlib|runpy|webbrowser)\.|^builtins\.(?:eval|exec|execfile|compile|open|__import__)$/;

/** The meaning of `module.name` in a checkpoint. @throws CheckpointError if it is refused */
export function torchGlobal(name: string, options: PickleOptions): PickleValue {
  if (DTYPES.has(name)) return name;
  const call = CALLS.get(name) ?? numpyGlobals.get(name);
  if (call !== undefined) return new PickleGlobal(name, call);
  const [, storage = ""] = /^torch\.(?:cuda\.|storage\.)?(\w+)$/.exec(name) ?? [];
  if (NAMES.has(name) || STORAGES.has(storage)) return new PickleGlobal(name);
  const { unknownClasses } = options;
  if (unknownClasses === undefined && ATTACKS.test(name))
    throw new CheckpointError(
      `loading this file in Python would run ${showName(name)}; it was not run here, and the file is refused`,
    );
  if (unknownClasses !== "refuse")
    return new PickleGlobal(name, (args) => new PickleObject(name, args), true);
  throw new CheckpointError(
    `the file uses ${showName(name)}, which is not one of the classes that checkpoints need; ` +
      "it was not run",
  );
}

function rebuildTensor(
  args: readonly PickleValue[],
  type: PickleValue | undefined,
  metadata: PickleValue | undefined,
  context: CallContext,
): PickleValue {
  const [storage, offset, size, strides] = args;
  if (!(storage instanceof TorchStorage)) throw new CheckpointError("a tensor without a storage");
  const dtype = typeof type === "string" ? DTYPES.get(type) : storage.dtype;
  if (dtype === undefined) throw new CheckpointError("a tensor without an element type");
  if (
    metadata instanceof Map &&
    metadata.size > 0 &&
    (metadata.get("conj") !== false || metadata.get("neg") !== false)
  )
    throw new CheckpointError("a tensor that is a lazy negation or conjugate; resolve it before saving");
  const view = {
    dtype,
    shape: asDims(size),
    strides: asDims(strides),
    offset: asDims([offset ?? null])[0] ?? 0,
  };
  const read = storage.bigEndian ? swapped(dtype, storage.read) : storage.read;
  return new StoredTensor({
    name: context.key,
    dtype,
    shape: view.shape,
    readBytes: stridedReader(view, read, storage.byteLength),
  });
}

/** A tensor subclass or a tensor with attributes: function, class, arguments, state. */
function rebuildFromType([callee, , args]: readonly PickleValue[], context: CallContext): PickleValue {
  if (callee instanceof PickleGlobal && callee.name.startsWith("torch._utils._rebuild_tensor") && callee.call)
    return callee.call(asArray(args ?? null), context);
  if (callee instanceof PickleGlobal && callee.opaque) return new PickleObject(callee.name, [args ?? null]);
  throw new CheckpointError("a tensor subclass that is not rebuilt from a storage");
}

function copyItems(value: PickleValue, context: CallContext): PickleValue[] {
  const items = value instanceof Set ? value : asArray(value);
  context.charge(items instanceof Set ? items.size : items.length);
  return [...items];
}

function toMap(value: PickleValue, context: CallContext): Map<PickleValue, PickleValue> {
  if (value instanceof Map) {
    context.charge(value.size);
    return new Map(value);
  }
  const pairs = copyItems(value, context);
  return new Map(
    pairs.map((pair) => {
      const [key = null, item = null] = asArray(pair);
      return [key, item];
    }),
  );
}

/** Encodes a string as Latin-1 (protocol 2 writes bytes as strings), or copies bytes. */
function toBytes(value: PickleValue, encoding: PickleValue | undefined, context: CallContext): PickleValue {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string" || (encoding !== undefined && !/^latin-?1$/.test(asText(encoding))))
    throw new CheckpointError("bytes that are not encoded as a Latin-1 string");
  context.charge(value.length);
  return Uint8Array.from(value, (char) => char.charCodeAt(0));
}
