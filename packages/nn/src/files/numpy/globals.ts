/** NumPy arrays and scalars in pickles. */
import { CheckpointError } from "../error.ts";
import { asDims, type CallContext, type PickleValue, Unfinished } from "../pickle/values.ts";
import { memorySource } from "../sources/source.ts";
import type { StoredTensor } from "../stored.ts";
import { storedBits } from "../stored-dtype.ts";
import { numpyTensor } from "./array.ts";
import { type NumpyElement, parseNumpyDType } from "./dtype.ts";

type Call = (args: readonly PickleValue[], context: CallContext) => PickleValue;

/** By `module.name`; NumPy 2 renamed `numpy.core` to `numpy._core`. */
export const numpyGlobals: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["numpy.dtype", ([text = ""]) => new NumpyDType(typeof text === "string" ? text : "?")],
  ["numpy.ndarray", () => new NumpyArray()],
  ...["numpy.core", "numpy._core"].flatMap((core): [string, Call][] => [
    [`${core}.multiarray._reconstruct`, () => new NumpyArray()],
    [
      `${core}.multiarray.scalar`,
      ([dtype, bytes = ""], context) => scalar(elementOf(dtype), asBytes(bytes, context)),
    ],
    [
      `${core}.numeric._frombuffer`,
      ([bytes = "", dtype, shape = [], order], context) =>
        arrayOf(elementOf(dtype), bytes, shape, order === "F", context),
    ],
  ]),
]);

/** `numpy.dtype("f4")`; its byte order follows as state. */
export class NumpyDType extends Unfinished {
  override value: PickleValue | undefined = this;
  /** `f4`, later `<f4`. */
  text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  // state: version, byte order, ...
  override build(state: PickleValue): PickleValue {
    const order = Array.isArray(state) ? state[1] : undefined;
    if (typeof order === "string" && /^[<>=|]$/.test(order))
      this.text = order + this.text.replace(/^[<>=|]/, "");
    return this;
  }
}

class NumpyArray extends Unfinished {
  // state: version, shape, dtype, in Fortran order, bytes
  override build(state: PickleValue, context: CallContext): PickleValue {
    const [, shape = [], dtype, fortran, bytes = ""] = Array.isArray(state) ? state : [];
    return arrayOf(elementOf(dtype), bytes, shape, fortran === true, context);
  }
}

function arrayOf(
  element: NumpyElement,
  data: PickleValue,
  dims: PickleValue,
  fortran: boolean,
  context: CallContext,
): StoredTensor {
  const bytes = asBytes(data, context);
  const init = { ...element, name: context.key, shape: asDims(dims), fortran };
  return numpyTensor(init, memorySource(bytes, "pickle").read, bytes.byteLength);
}

function elementOf(value: PickleValue | undefined): NumpyElement {
  if (!(value instanceof NumpyDType)) throw new CheckpointError("a NumPy value without a type");
  return parseNumpyDType(value.text);
}

/** Converts Python 2 strings, which are bytes, too. */
function asBytes(value: PickleValue, context: CallContext): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") {
    context.charge(value.length);
    return Uint8Array.from(value, (char) => char.charCodeAt(0));
  }
  throw new CheckpointError("a NumPy value without bytes");
}

function scalar({ dtype, bigEndian }: NumpyElement, bytes: Uint8Array<ArrayBuffer>): PickleValue {
  if (bytes.byteLength * 8 !== storedBits(dtype))
    throw new CheckpointError(`${bytes.byteLength} bytes for one ${dtype}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !bigEndian;
  const integer = (value: bigint): number | bigint =>
    Number.isSafeInteger(Number(value)) ? Number(value) : value;
  switch (dtype) {
    case "BOOL":
      return view.getUint8(0) !== 0;
    case "F64":
      return view.getFloat64(0, little);
    case "F32":
      return view.getFloat32(0, little);
    case "F16":
      return view.getFloat16(0, little);
    case "I64":
      return integer(view.getBigInt64(0, little));
    case "U64":
      return integer(view.getBigUint64(0, little));
    case "I32":
      return view.getInt32(0, little);
    case "U32":
      return view.getUint32(0, little);
    case "I16":
      return view.getInt16(0, little);
    case "U16":
      return view.getUint16(0, little);
    case "I8":
      return view.getInt8(0);
    case "U8":
      return view.getUint8(0);
    default:
      throw new CheckpointError(`a scalar of ${dtype}`);
  }
}
