/** Shapes and entries against a plain implementation, on arrays that fast-check makes up. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  concat,
  evaluate,
  grad,
  type Index,
  maximum,
  minimum,
  type PadMode,
  stack,
  type Tensor,
  where,
} from "../../src/index.ts";
import { arrayOf, arrays, at, build, type Plain, plainOf, shapes, tensorOf } from "../support/reference.ts";

const runs = { numRuns: 40 };

/** Shapes that broadcast together, and the shape they make. */
const broadcastable = shapes.chain((whole) =>
  fc
    .array(
      fc.record({ drop: fc.integer({ min: 0, max: whole.length }), ones: fc.infiniteStream(fc.boolean()) }),
      {
        minLength: 3,
        maxLength: 3,
      },
    )
    .map((cuts) => [
      whole,
      ...cuts.map(({ drop, ones }) => whole.slice(drop).map((extent) => (ones.next().value ? 1 : extent))),
    ]),
);

async function expectAll(pairs: readonly (readonly [Tensor, Plain])[]): Promise<void> {
  await evaluate(...pairs.map(([actual]) => actual));
  for (const [actual, expected] of pairs) {
    const { shape, data } = await plainOf(actual);
    expect([...shape]).toEqual([...expected.shape]);
    // Minus zero and zero are the same number here.
    expect(data.map((value) => value + 0)).toEqual(expected.data.map((value) => value + 0));
  }
}

test("arithmetic and comparison broadcast", async () => {
  const operators: [(a: Tensor, b: Tensor) => Tensor, (a: number, b: number) => number][] = [
    [(a, b) => a.add(b), (a, b) => a + b],
    [(a, b) => a.sub(b), (a, b) => a - b],
    [(a, b) => a.mul(b), (a, b) => a * b],
    [(a, b) => maximum(a, b), Math.max],
    [(a, b) => minimum(a, b), Math.min],
    [
      (a, b) => a.remainder(b.abs().add(1)),
      (a, b) => ((a % (Math.abs(b) + 1)) + Math.abs(b) + 1) % (Math.abs(b) + 1),
    ],
    [(a, b) => a.floorDivide(b.abs().add(1)), (a, b) => Math.floor(a / (Math.abs(b) + 1))],
    [(a, b) => a.less(b), (a, b) => Number(a < b)],
    [(a, b) => a.greaterEqual(b), (a, b) => Number(a >= b)],
    [(a, b) => a.equal(b), (a, b) => Number(a === b)],
    [(a, b) => a.logicalAnd(b), (a, b) => Number(a !== 0 && b !== 0)],
  ];
  await fc.assert(
    fc.asyncProperty(
      broadcastable.chain(([, a, b]) => fc.tuple(arrayOf(a as number[]), arrayOf(b as number[]))),
      async ([a, b]) => {
        const rank = Math.max(a.shape.length, b.shape.length);
        const wide = (shape: readonly number[]) => [
          ...new Array<number>(rank - shape.length).fill(1),
          ...shape,
        ];
        const [wa, wb] = [wide(a.shape), wide(b.shape)];
        const shape = wa.map((extent, i) => (extent === 1 ? (wb[i] as number) : extent));
        for (const type of ["float32", "int32"] as const) {
          const [x, y] = [tensorOf(a).astype(type), tensorOf(b).astype(type)];
          await expectAll(
            operators.map(([ours, plain]) => [
              ours(x, y),
              build(shape, (place) => plain(at(a, place), at(b, place))),
            ]),
          );
        }
      },
    ),
    runs,
  );
});

test("where broadcasts three operands; expand makes what they broadcast to", async () => {
  await fc.assert(
    fc.asyncProperty(
      broadcastable.chain(([whole, a, b, c]) =>
        fc.tuple(
          fc.constant(whole as number[]),
          ...([a, b, c] as number[][]).map((shape) => arrayOf(shape, 1)),
        ),
      ),
      async ([whole, a, b, c]) => {
        const [x, y, z] = [a, b, c] as [Plain, Plain, Plain];
        const full = tensorOf(x).expand(whole);
        await expectAll([
          [full, build(whole, (place) => at(x, place))],
          [
            where(full, tensorOf(y), tensorOf(z)),
            build(whole, (place) => (at(x, place) !== 0 ? at(y, place) : at(z, place))),
          ],
        ]);
      },
    ),
    runs,
  );
});

test("shapes that do not broadcast are refused", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 2, max: 5 }), arrays, (m, n, { shape }) => {
      fc.pre(m !== n);
      const [a, b] = [
        [m, ...shape],
        [n, ...shape],
      ].map((s) => tensorOf(build(s, () => 0))) as [Tensor, Tensor];
      expect(() => a.add(b)).toThrow(/^add\(.*do not broadcast/);
      expect(() => a.expand(b.shape)).toThrow(/^expand\(/);
    }),
  );
});

/** One index for an axis of `extent` entries, and the entries that Python's slice of it would give. */
const oneIndex = (extent: number): fc.Arbitrary<Index> => {
  const bound = fc.option(fc.integer({ min: -extent - 3, max: extent + 3 }));
  const step = fc.constantFrom(1, 1, 2, 3, -1, -2, 7, -7);
  const range = fc.oneof(
    fc.tuple(bound),
    fc.tuple(bound, bound),
    fc.tuple(bound, bound, step),
  ) as fc.Arbitrary<Index>;
  const kinds: fc.Arbitrary<Index>[] = [range, range, fc.constant(null)];
  if (extent > 0) kinds.push(fc.integer({ min: -extent, max: extent - 1 }));
  return fc.oneof(...kinds);
};
/** The indices that a Python slice picks, one by one. */
function picked(index: Index, extent: number): number[] {
  if (index === null) return Array.from({ length: extent }, (_, i) => i);
  if (typeof index === "number") return [index < 0 ? index + extent : index];
  const [start, stop = null, step = 1] = index;
  const wrap = (value: number) => (value < 0 ? value + extent : value);
  const out: number[] = [];
  if (step > 0) {
    const last = Math.min(stop === null ? extent : wrap(stop), extent);
    for (let i = Math.max(start === null ? 0 : wrap(start), 0); i < last; i += step) out.push(i);
  } else {
    const last = Math.max(stop === null ? -1 : wrap(stop), -1);
    for (let i = Math.min(start === null ? extent - 1 : wrap(start), extent - 1); i > last; i += step)
      out.push(i);
  }
  return out;
}

test("index follows Python's slices, and its gradient counts what was picked", async () => {
  await fc.assert(
    fc.asyncProperty(
      arrays.chain((x) =>
        fc.tuple(
          fc.constant(x),
          fc.tuple(...x.shape.map(oneIndex)),
          fc.integer({ min: 0, max: x.shape.length }),
        ),
      ),
      async ([x, indices, count]) => {
        const used = indices.slice(0, count);
        const lists = x.shape.map((extent, axis) =>
          picked(axis < count ? (used[axis] as Index) : null, extent),
        );
        const kept = lists.flatMap((_, axis) => (typeof used[axis] === "number" ? [] : [axis]));
        const expected = build(
          kept.map((axis) => (lists[axis] as number[]).length),
          (place) =>
            at(
              x,
              lists.map(
                (list, axis) =>
                  list[kept.includes(axis) ? (place[kept.indexOf(axis)] as number) : 0] as number,
              ),
            ),
        );
        const t = tensorOf(x);
        const counts = grad((v: Tensor) => v.index(...used).sum())(t);
        await expectAll([
          [t.index(...used), expected],
          [counts, build(x.shape, (place) => Number(place.every((p, axis) => lists[axis]?.includes(p))))],
        ]);
      },
    ),
    { numRuns: 100 },
  );
});

test("reshape, permute, flip, roll, tile, repeat, concat, stack, split", async () => {
  await fc.assert(
    fc.asyncProperty(
      arrays
        .filter(({ shape }) => shape.length > 0)
        .chain((x) =>
          fc.record({
            x: fc.constant(x),
            axis: fc.integer({ min: 0, max: x.shape.length - 1 }),
            order: fc.shuffledSubarray(
              x.shape.map((_, i) => i),
              { minLength: x.shape.length },
            ),
            shift: fc.integer({ min: -9, max: 9 }),
            times: fc.integer({ min: 0, max: 3 }),
            size: fc.integer({ min: 1, max: 3 }),
          }),
        ),
      async ({ x, axis, order, shift, times, size }) => {
        const t = tensorOf(x);
        const extent = x.shape[axis] as number;
        const along = (length: number) => x.shape.map((e, i) => (i === axis ? length : e));
        const moved = (place: readonly number[], to: number) => place.map((p, i) => (i === axis ? to : p));
        const inverse = order.map((_, i) => order.indexOf(i));
        const negative = axis - x.shape.length;
        const pieces = t.split(size, negative);
        await expectAll([
          [t.reshape([x.data.length]), { shape: [x.data.length], data: x.data }],
          [
            t.permute(order),
            build(
              order.map((i) => x.shape[i] as number),
              (place) =>
                at(
                  x,
                  inverse.map((i) => place[i] as number),
                ),
            ),
          ],
          [t.flip(axis), build(x.shape, (p) => at(x, moved(p, extent - 1 - (p[axis] as number))))],
          [
            t.roll(shift, negative),
            build(x.shape, (p) =>
              at(x, moved(p, ((((p[axis] as number) - shift) % extent) + extent) % extent)),
            ),
          ],
          [
            t.tile(x.shape.map((_, i) => (i === axis ? times : 1))),
            build(along(extent * times), (p) => at(x, moved(p, (p[axis] as number) % extent))),
          ],
          [
            t.repeatInterleave(times, axis),
            build(along(extent * times), (p) => at(x, moved(p, Math.floor((p[axis] as number) / times)))),
          ],
          [
            concat([t, t.flip(axis), t], axis),
            build(along(3 * extent), (p) => {
              const [copy, entry] = [Math.floor((p[axis] as number) / extent), (p[axis] as number) % extent];
              return at(x, moved(p, copy === 1 ? extent - 1 - entry : entry));
            }),
          ],
          [
            stack([t, t.neg()], axis),
            build([...x.shape.slice(0, axis), 2, ...x.shape.slice(axis)], (p) => {
              const value = at(x, [...p.slice(0, axis), ...p.slice(axis + 1)]);
              return p[axis] === 0 ? value : -value;
            }),
          ],
          ...pieces.map((piece, k): [Tensor, Plain] => [
            piece,
            build(along(Math.min(size, extent - k * size)), (p) =>
              at(x, moved(p, k * size + (p[axis] as number))),
            ),
          ]),
        ]);
      },
    ),
    { numRuns: 60 },
  );
});

test("pad in every mode", async () => {
  const modes: [PadMode, (i: number, extent: number) => number | undefined][] = [
    ["constant", (i, extent) => (i < 0 || i >= extent ? undefined : i)],
    ["reflect", (i, extent) => (i < 0 ? -i : i >= extent ? 2 * extent - 2 - i : i)],
    ["replicate", (i, extent) => Math.min(Math.max(i, 0), extent - 1)],
    ["circular", (i, extent) => ((i % extent) + extent) % extent],
  ];
  await fc.assert(
    fc.asyncProperty(
      arrays.chain((x) =>
        fc.tuple(
          fc.constant(x),
          fc.tuple(
            ...x.shape.map((extent) => {
              // What every mode takes.
              const side = fc.integer({
                min: -Math.min(1, Math.floor(extent / 2)),
                max: Math.max(0, Math.min(2, extent - 3)),
              });
              return fc.tuple(side, side);
            }),
          ),
        ),
      ),
      async ([x, pads]) => {
        const shape = x.shape.map((extent, i) => extent + (pads[i]?.[0] ?? 0) + (pads[i]?.[1] ?? 0));
        await expectAll(
          modes.map(([mode, source]) => [
            tensorOf(x).pad(pads, { mode, value: 7 }),
            build(shape, (place) => {
              const from = place.map((p, i) => {
                // Cropping comes first: it moves where the edge is.
                const [before, after] = pads[i] as [number, number];
                const [low, high] = [Math.max(0, -before), (x.shape[i] as number) + Math.min(0, after)];
                const inner = source(p - Math.max(0, before), high - low);
                return inner === undefined ? undefined : inner + low;
              });
              return from.includes(undefined) ? 7 : at(x, from as number[]);
            }),
          ]),
        );
      },
    ),
    runs,
  );
});

test("reductions over any axes, with and without the axes kept", async () => {
  const operators: [(x: Tensor, axes: number[], keep: boolean) => Tensor, (list: number[]) => number][] = [
    [(x, axes, keep) => x.sum(axes, keep), (list) => list.reduce((a, b) => a + b, 0)],
    [(x, axes, keep) => x.prod(axes, keep), (list) => list.reduce((a, b) => a * b, 1)],
    [(x, axes, keep) => x.any(axes, keep), (list) => Number(list.some((v) => v !== 0))],
    [(x, axes, keep) => x.all(axes, keep), (list) => Number(list.every((v) => v !== 0))],
    [
      (x, axes, keep) => x.norm(axes, { keepDims: keep, p: 1 }),
      (list) => list.reduce((a, b) => a + Math.abs(b), 0),
    ],
  ];
  const extremes: typeof operators = [
    [(x, axes, keep) => x.max(axes, keep), (list) => Math.max(...list)],
    [(x, axes, keep) => x.min(axes, keep), (list) => Math.min(...list)],
  ];
  await fc.assert(
    fc.asyncProperty(
      shapes.chain((shape) =>
        fc.tuple(
          arrayOf(shape, 2),
          fc.subarray(shape.map((_, i) => i)),
          fc.boolean(),
          fc.constantFrom("float32" as const, "int32" as const),
        ),
      ),
      async ([x, axes, keep, type]) => {
        const shape = x.shape.flatMap((extent, i) => (!axes.includes(i) ? [extent] : keep ? [1] : []));
        const rest = x.shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
        const entries = (place: readonly number[]) => {
          const fixed = keep ? rest.map((i) => place[i] as number) : place;
          return build(
            axes.map((i) => x.shape[i] as number),
            (inner) =>
              at(
                x,
                x.shape.map(
                  (_, i) => (axes.includes(i) ? inner[axes.indexOf(i)] : fixed[rest.indexOf(i)]) as number,
                ),
              ),
          ).data as number[];
        };
        const some = axes.every((i) => (x.shape[i] as number) > 0);
        const t = tensorOf(x).astype(type);
        await expectAll(
          [...operators, ...(some ? extremes : [])].map(([ours, plain]) => [
            ours(
              t,
              axes.map((i) => i - (keep ? x.shape.length : 0)),
              keep,
            ),
            build(shape, (place) => plain(entries(place))),
          ]),
        );
      },
    ),
    { numRuns: 60 },
  );
});
