/** An array that is there, or on its way from a run that was started. */
import type { DType, TypedArray } from "../dtype.ts";
import type { Backend, DeviceArray } from "../runtime/backend.ts";
import { type Shape, sameShape } from "../shape.ts";
import type { Value } from "./graph.ts";

/** An array and the backend that keeps it. */
export interface Placed {
  readonly array: DeviceArray;
  readonly backend: Backend;
}

const SMALL = 64;

export class Stored {
  readonly dtype: DType;
  readonly shape: Shape;
  private pending: Promise<Placed> | undefined;
  private placed: Placed | undefined;
  private host: TypedArray | undefined;
  /** Whether somebody outside the compiled functions may hold it: its memory is then never reused. */
  shared = false;
  /** Where the run that should have made it failed: what a variable holds instead. */
  instead: Value | undefined;
  /** Runs that were started and read it. */
  readers = 0;

  private constructor(dtype: DType, shape: Shape) {
    this.dtype = dtype;
    this.shape = shape;
  }

  /** Host values; they must not change afterwards. */
  static fromHost(data: TypedArray, dtype: DType, shape: Shape): Stored {
    const stored = new Stored(dtype, shape);
    stored.host = data;
    stored.shared = true;
    return stored;
  }

  /** The result of a run that was started. */
  static fromRun(pending: Promise<Placed>, dtype: DType, shape: Shape): Stored {
    const stored = new Stored(dtype, shape);
    stored.pending = pending.then((placed) => {
      stored.placed = placed;
      stored.pending = undefined;
      return placed;
    });
    // A failed run is told to whoever reads its result, not to the process.
    stored.pending.catch(() => {});
    return stored;
  }

  /** The array where `backend` can use it. */
  async on(backend: Backend): Promise<DeviceArray> {
    if (this.pending) await this.pending;
    if (this.placed && this.placed.backend !== backend) {
      this.host = await this.placed.array.read();
      this.placed = undefined;
    }
    if (!this.placed) {
      this.placed = { array: backend.upload(this.host as TypedArray, this.dtype, this.shape), backend };
      // A few numbers stay at hand; a large array lives in one place.
      if (this.host && this.host.length > SMALL) this.host = undefined;
    }
    return this.placed.array;
  }

  /** The values, not to be written to. */
  async read(): Promise<TypedArray> {
    if (this.host) return this.host;
    return (this.placed ?? (await (this.pending as Promise<Placed>))).array.read();
  }

  /** Host values where they are at hand without waiting. */
  peek(): TypedArray | undefined {
    return this.host;
  }

  /** The array for `backend` to write another result into, where nobody can still be reading it. */
  takeForReuse(backend: Backend, dtype: DType, shape: Shape): DeviceArray | undefined {
    if (this.shared || this.readers > 0 || this.placed?.backend !== backend) return undefined;
    return this.dtype === dtype && sameShape(this.shape, shape) ? this.placed.array : undefined;
  }
}
