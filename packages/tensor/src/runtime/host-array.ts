/** Arrays in host memory, shared by the backends that compute there. */
import type { DType, TypedArray } from "../dtype.ts";
import type { DeviceArray, OutputSpec } from "./backend.ts";
import { describe, foreign } from "./checks.ts";

/** A typed array as a `DeviceArray`, without a copy. */
export class HostArray implements DeviceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  private values: TypedArray | undefined;
  private readonly byteLength: number;

  constructor(values: TypedArray, dtype: DType, shape: readonly number[]) {
    this.dtype = dtype;
    this.shape = shape;
    this.values = values;
    this.byteLength = values.byteLength;
  }

  /** The typed array itself; throws where it is no longer there. */
  get data(): TypedArray {
    const { values } = this;
    if (!values) throw new Error(`${describe(this)}: its memory was recycled for a later result`);
    if (values.byteLength !== this.byteLength)
      throw new Error(
        `${describe(this)}: expected ${this.byteLength} bytes, got ${values.byteLength} (its buffer was transferred or resized)`,
      );
    return values;
  }

  async read(): Promise<TypedArray> {
    return this.data;
  }

  release(): void {}

  /** Gives the memory away; whoever uses this array afterwards gets an error instead of other values. */
  take(): TypedArray {
    const { data } = this;
    this.values = undefined;
    return data;
  }
}

/** The values of input or weight `name`. */
export function hostValues(name: string, array: DeviceArray | undefined, backend: string): TypedArray {
  if (!(array instanceof HostArray)) throw foreign(name, backend);
  try {
    return array.data;
  } catch (error) {
    throw new Error(`input ${name}: ${(error as Error).message}`);
  }
}

/** The memory of a recycled array for output `spec`, or `undefined` where none was given. */
export function recycled(spec: OutputSpec, array: DeviceArray | undefined): TypedArray | undefined {
  if (!array) return undefined;
  if (!(array instanceof HostArray) || describe(array) !== describe(spec))
    throw new Error(`output ${spec.name}: cannot recycle ${describe(array)} as ${describe(spec)}`);
  return array.take();
}
