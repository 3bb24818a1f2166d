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
  private pins = 0;

  constructor(values: TypedArray, dtype: DType, shape: readonly number[]) {
    this.dtype = dtype;
    this.shape = shape;
    this.values = values;
    this.byteLength = values.byteLength;
  }

  /** The typed array itself; throws if it was recycled, transferred or resized. */
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

  /** Keeps the memory from being taken while a session reads it. */
  pin(): void {
    this.pins++;
  }

  unpin(): void {
    this.pins--;
  }

  /**
   * Transfers ownership of the memory; any later use of this array throws. `undefined` while a session
   * reads it.
   */
  take(): TypedArray | undefined {
    const { data } = this;
    if (this.pins > 0) return undefined;
    this.values = undefined;
    return data;
  }
}

/** The values of the input or weight `name`. */
export function hostValues(name: string, array: DeviceArray | undefined, backend: string): TypedArray {
  if (!(array instanceof HostArray)) throw foreign(name, backend);
  try {
    return array.data;
  } catch (error) {
    throw new Error(`input ${name}: ${(error as Error).message}`);
  }
}

/** The memory of a recycled array for output `spec`, or `undefined` if there is none. */
export function recycled(spec: OutputSpec, array: DeviceArray | undefined): TypedArray | undefined {
  if (!array) return undefined;
  if (!(array instanceof HostArray) || describe(array) !== describe(spec))
    throw new Error(`output ${spec.name}: cannot recycle ${describe(array)} as ${describe(spec)}`);
  return array.take();
}
