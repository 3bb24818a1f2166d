/** An array that is available, or pending from a run. */
import type { DType, TypedArray } from "../dtype.ts";
import type { Backend, DeviceArray } from "../runtime/backend.ts";
import { type Shape, sameShape } from "../shape.ts";
import { type Extremes, extremesOf } from "./bounds.ts";
import type { Value } from "./graph.ts";

/** An array and the backend that holds it. */
export interface Placed {
  readonly array: DeviceArray;
  readonly backend: Backend;
}

/** Arrays up to this many elements keep their host values after an upload. */
const SMALL = 64;

export class Stored {
  readonly dtype: DType;
  readonly shape: Shape;
  private pending: Promise<Placed> | undefined;
  private placed: Placed | undefined;
  private host: TypedArray | undefined;
  /** Whether code outside compiled functions may hold it: its memory is then never reused. */
  shared = false;
  /** If the run that computes it failed: the value a variable falls back to. */
  instead: Value | undefined;
  /** Number of started runs that read it. */
  readers = 0;
  private readonly known = new Map<number | undefined, Extremes>();

  private constructor(dtype: DType, shape: Shape) {
    this.dtype = dtype;
    this.shape = shape;
  }

  /** Wraps host values, which must not change afterwards. */
  static fromHost(data: TypedArray, dtype: DType, shape: Shape): Stored {
    const stored = new Stored(dtype, shape);
    stored.host = data;
    stored.shared = true;
    return stored;
  }

  /** The result of a started run. */
  static fromRun(pending: Promise<Placed>, dtype: DType, shape: Shape): Stored {
    const stored = new Stored(dtype, shape);
    stored.pending = pending.then((placed) => {
      stored.placed = placed;
      stored.pending = undefined;
      return placed;
    });
    // A failed run rejects for readers of its result, not as an unhandled rejection.
    stored.pending.catch(() => {});
    return stored;
  }

  /** The array on `backend`, moved there if needed. */
  async on(backend: Backend): Promise<DeviceArray> {
    if (this.pending) await this.pending;
    if (this.placed && this.placed.backend !== backend) {
      this.host = await this.placed.array.read();
      this.placed = undefined;
    }
    if (!this.placed) {
      this.placed = { array: backend.upload(this.host as TypedArray, this.dtype, this.shape), backend };
      if (this.host && this.host.length > SMALL) this.host = undefined;
    }
    return this.placed.array;
  }

  /** The values; read-only. */
  async read(): Promise<TypedArray> {
    if (this.host) return this.host;
    return (this.placed ?? (await (this.pending as Promise<Placed>))).array.read();
  }

  /** The extremes of integers, without those equal to `except`; looked for once. */
  async extremes(except?: number): Promise<Extremes> {
    const known = this.known.get(except);
    if (known) return known;
    const extremes = extremesOf(await this.read(), except);
    this.known.set(except, extremes);
    return extremes;
  }

  /** The host values, if available synchronously. */
  peek(): TypedArray | undefined {
    return this.host;
  }

  /** The array, for `backend` to overwrite with another result; `undefined` if it may still be read. */
  takeForReuse(backend: Backend, dtype: DType, shape: Shape): DeviceArray | undefined {
    if (this.shared || this.readers > 0 || this.placed?.backend !== backend) return undefined;
    return this.dtype === dtype && sameShape(this.shape, shape) ? this.placed.array : undefined;
  }
}
