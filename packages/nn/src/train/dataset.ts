/** Data sets: host arrays, gathered into batches by index. */
import type { DType, Shape, TypedArray } from "@tessera-ml/tensor";
import { allocate, dtypeOf } from "@tessera-ml/tensor/dtype";

/** A row-major array on the host. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: Shape;
}
/** One array per field, with the samples along the first axis. */
export type HostBatch = Readonly<Record<string, HostArray>>;

/** Numbers in [0, 1). */
export type Random = () => number;

export interface Dataset<H extends HostBatch> {
  /** The number of samples. */
  readonly length: number;
  /**
   * Returns the samples at the indices, in new arrays. `random(i)` is the random generator of sample i: the same in
   * every run, different in every epoch.
   */
  batch(indices: Uint32Array, random: (sample: number) => Random): H | Promise<H>;
}

/**
 * A data set in memory: arrays with one row per sample. A bare typed array has one number per sample.
 *
 * @example
 * arrays({ images: { data: pixels, shape: [60_000, 1, 28, 28] }, labels: Int32Array.from(classes) })
 */
export function arrays<F extends Readonly<Record<string, HostArray | TypedArray>>>(
  fields: F,
): Dataset<{ readonly [K in keyof F]: HostArray }> {
  const columns = Object.entries(fields).map(([name, field]) => {
    const { data, shape } = ArrayBuffer.isView(field) ? { data: field, shape: [field.length] } : field;
    const [length = 0, ...inner] = shape;
    const size = inner.reduce((a, b) => a * b, 1);
    if (data.length !== length * size)
      throw new Error(
        `arrays: ${name}: expected ${length * size} values for [${shape.join(", ")}], got ${data.length}`,
      );
    return { name, data, length, inner, size };
  });
  const [first] = columns;
  if (!first) throw new Error("arrays: expected at least one field");
  for (const { name, length } of columns)
    if (length !== first.length)
      throw new Error(`arrays: ${name}: expected ${first.length} samples like ${first.name}, got ${length}`);
  return {
    length: first.length,
    batch: (indices) =>
      Object.fromEntries(
        columns.map(({ name, data, inner, size }) => {
          const out = allocate(dtypeOf(data) as DType, indices.length * size) as TypedArray;
          indices.forEach((index, row) => copyRow(data, index * size, size, out, row));
          return [name, { data: out, shape: [indices.length, ...inner] }];
        }),
      ) as unknown as { readonly [K in keyof F]: HostArray },
  };
}

function copyRow(from: TypedArray, start: number, size: number, to: TypedArray, row: number): void {
  if (size === 1) to[row] = from[start] as never;
  else to.set(from.subarray(start, start + size) as never, row * size);
}

/** The fields of a sample: arrays, or numbers, which become float32. */
export type Sample = Readonly<Record<string, HostArray | TypedArray | number>>;

/**
 * A data set whose samples are produced one by one, for example read from files and augmented.
 *
 * @param get returns the sample at an index; all samples have the same fields and shapes. Class labels are
 *   integers: `Int32Array.of(label)` with the shape `[]`
 */
export function samples<S extends Sample>(
  length: number,
  get: (index: number, random: Random) => S | Promise<S>,
): Dataset<{ readonly [K in keyof S]: HostArray }> {
  return {
    length,
    batch: async (indices, random) => {
      const list = await Promise.all(Array.from(indices, (index) => get(index, random(index))));
      return stackSamples(list, indices) as { readonly [K in keyof S]: HostArray };
    },
  };
}

function stackSamples(list: readonly Sample[], indices: Uint32Array): HostBatch {
  const [first = {}] = list;
  const stacked = Object.entries(first).map(([name, field]) => {
    const { data, shape } = hostArray(field);
    const dtype = dtypeOf(data) as DType;
    const out = allocate(dtype, list.length * data.length) as TypedArray;
    list.forEach((sample, row) => {
      const other = sample[name];
      const next = other === undefined ? undefined : hostArray(other);
      if (!next || dtypeOf(next.data) !== dtype || next.shape.join() !== shape.join())
        throw new Error(
          `sample ${indices[row]}: ${name}: expected ${describe({ data, shape })} like sample ${indices[0]}, got ${describe(next)}`,
        );
      out.set(next.data as never, row * data.length);
    });
    return [name, { data: out, shape: [list.length, ...shape] }] as const;
  });
  return Object.fromEntries(stacked);
}

function hostArray(field: HostArray | TypedArray | number): HostArray {
  if (typeof field === "number") return { data: Float32Array.of(field), shape: [] };
  return ArrayBuffer.isView(field) ? { data: field, shape: [field.length] } : field;
}
function describe(array: HostArray | undefined): string {
  return array ? `[${array.shape.join(", ")}] ${dtypeOf(array.data)}` : "nothing";
}
