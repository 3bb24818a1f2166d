/** What a loader takes its batches from: values on the host, gathered by index. */
import type { DType, Shape, TypedArray } from "@tessera-ml/tensor";
import { allocate, dtypeOf } from "@tessera-ml/tensor/dtype";

/** Values and their shape, row-major. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: Shape;
}
/** One array for each field, the samples along the first axis. */
export type HostBatch = Readonly<Record<string, HostArray>>;

/** Numbers in [0, 1). */
export type Random = () => number;

export interface Dataset<H extends HostBatch> {
  /** The number of samples. */
  readonly length: number;
  /**
   * The samples at the indices, in new arrays. `random(i)` is the generator of sample i: the same in every
   * run, and another in every epoch.
   */
  batch(indices: Uint32Array, random: (sample: number) => Random): H | Promise<H>;
}

/**
 * A data set that is in memory: arrays with one row for each sample. A typed array alone is one number a
 * sample.
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
        `arrays: ${name} has ${data.length} values, [${shape.join(", ")}] needs ${length * size}`,
      );
    return { name, data, length, inner, size };
  });
  const [first] = columns;
  if (!first) throw new Error("arrays: no fields");
  for (const { name, length } of columns)
    if (length !== first.length)
      throw new Error(`arrays: ${name} has ${length} samples, ${first.name} has ${first.length}`);
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

/** What a sample holds in each field: an array, or a number, which becomes float32. */
export type Sample = Readonly<Record<string, HostArray | TypedArray | number>>;

/**
 * A data set whose samples are made one by one: read from files, cut out, changed at random.
 *
 * @param get the sample at an index; all samples have the same fields and shapes. Class labels are
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
          `sample ${indices[row]}: ${name} is ${describe(next)}, that of sample ${indices[0]} is ${describe({ data, shape })}`,
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
  return array ? `[${array.shape.join(", ")}] ${dtypeOf(array.data)}` : "missing";
}
