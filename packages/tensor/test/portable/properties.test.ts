/** Shapes, broadcasting and movement on random shapes, empty extents among them, against plain loops. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, type Index, type Tensor, tensor, where } from "../../src/index.ts";

/** A row-major array and its shape: the slow, plain counterpart of a tensor. */
interface Plain {
  readonly shape: readonly number[];
  readonly at: (index: readonly number[]) => number;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function* indices(shape: readonly number[]): Generator<number[]> {
  const size = sizeOf(shape);
  for (let flat = 0; flat < size; flat++) {
    const index: number[] = [];
    let rest = flat;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % (shape[axis] as number);
      rest = Math.floor(rest / (shape[axis] as number));
    }
    yield index;
  }
}

/** Entries that tell positions apart. */
function numbered(shape: readonly number[], seed: number): Tensor {
  return tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + seed * 13) % 31) - 15),
    { shape },
  );
}
function plain(shape: readonly number[], seed: number): Plain {
  const flat = (index: readonly number[]) =>
    index.reduce((sum, i, axis) => sum * (shape[axis] as number) + i, 0);
  return { shape, at: (index) => ((flat(index) * 7 + seed * 13) % 31) - 15 };
}

async function expectEqual(
  actual: Tensor,
  shape: readonly number[],
  at: (index: readonly number[]) => number,
): Promise<void> {
  expect(actual.shape).toEqual(shape);
  expect([...((await actual.data()) as Float32Array)].map((v) => v + 0)).toEqual(
    [...indices(shape)].map((index) => at(index) + 0),
  );
}

const extents = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 });
const runs = { numRuns: 25 };

/** Two shapes that broadcast: axes dropped from the front, extents replaced by 1. */
const pairs = extents.chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    ...[0, 1].map(() =>
      fc.tuple(
        fc.integer({ min: 0, max: shape.length }),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      ),
    ),
  ),
);

test("two operands broadcast as NumPy's do", async () => {
  await fc.assert(
    fc.asyncProperty(pairs, async ([shape, ...cuts]) => {
      const [a, b] = cuts.map(([dropped, ones]) => shape.map((e, i) => (ones[i] ? 1 : e)).slice(dropped)) as [
        number[],
        number[],
      ];
      const rank = Math.max(a.length, b.length);
      const out = Array.from({ length: rank }, (_, i) => {
        const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
        return x === 1 ? y : x;
      });
      const read = (p: Plain, index: readonly number[]) =>
        p.at(
          p.shape.map((e, axis) => (e === 1 ? 0 : (index[axis + index.length - p.shape.length] as number))),
        );
      const [pa, pb] = [plain(a, 1), plain(b, 2)];
      const [ta, tb] = [numbered(a, 1), numbered(b, 2)];
      await expectEqual(ta.sub(tb), out, (index) => read(pa, index) - read(pb, index));
      await expectEqual(where(ta.greater(tb), ta, tb), out, (index) =>
        Math.max(read(pa, index), read(pb, index)),
      );
    }),
    runs,
  );
});

test("ranges, reversals, padding, rolling, joining and permuting move entries where they belong", async () => {
  await fc.assert(
    fc.asyncProperty(
      extents,
      fc.nat(3),
      fc.integer({ min: -5, max: 5 }),
      fc.nat(2),
      async (shape, pick, shift, amount) => {
        const axis = pick % shape.length;
        const extent = shape[axis] as number;
        const [x, p] = [numbered(shape, 3), plain(shape, 3)];
        const put = (index: readonly number[], i: number) =>
          index.map((value, a) => (a === axis ? i : value));
        const along = (n: number) => shape.map((e, a) => (a === axis ? n : e));
        await expectEqual(x.flip(axis), shape, (index) =>
          p.at(put(index, extent - 1 - (index[axis] as number))),
        );
        const range: Index = [Math.min(amount, extent), null, 2];
        const kept = Math.ceil((extent - Math.min(amount, extent)) / 2);
        const ranges = shape.map((_, a): Index => (a === axis ? range : null));
        await expectEqual(x.index(...ranges), along(kept), (index) =>
          p.at(put(index, Math.min(amount, extent) + 2 * (index[axis] as number))),
        );
        const pads = shape.map((_, a): [number, number] => (a === axis ? [amount, 1] : [0, 0]));
        await expectEqual(x.pad(pads, { value: 9 }), along(extent + amount + 1), (index) => {
          const i = (index[axis] as number) - amount;
          return i >= 0 && i < extent ? p.at(put(index, i)) : 9;
        });
        if (extent > 0)
          await expectEqual(x.roll(shift, axis), shape, (index) =>
            p.at(put(index, ((((index[axis] as number) - shift) % extent) + extent) % extent)),
          );
        await expectEqual(concat([x, x.neg()], axis), along(2 * extent), (index) => {
          const i = index[axis] as number;
          return i < extent ? p.at(index) : -p.at(put(index, i - extent));
        });
        const order = shape.map((_, i) => (i + pick) % shape.length);
        await expectEqual(
          x.permute(order),
          order.map((a) => shape[a] as number),
          (index) => {
            const source: number[] = [];
            for (const [i, a] of order.entries()) source[a] = index[i] as number;
            return p.at(source);
          },
        );
      },
    ),
    runs,
  );
});

test("sums over any axes, kept or dropped", async () => {
  await fc.assert(
    fc.asyncProperty(
      extents,
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      fc.boolean(),
      async (shape, chosen, keep) => {
        const axes = shape.flatMap((_, i) => (chosen[i] ? [i] : []));
        const p = plain(shape, 4);
        const out = shape.flatMap((e, i) => (axes.includes(i) ? (keep ? [1] : []) : [e]));
        const inner = axes.map((axis) => shape[axis] as number);
        await expectEqual(numbered(shape, 4).sum(axes, keep), out, (index) => {
          let total = 0;
          for (const inside of indices(inner)) {
            const free = keep
              ? index
              : shape.map((_, i) =>
                  axes.includes(i) ? 0 : (index[i - axes.filter((a) => a < i).length] as number),
                );
            total += p.at(
              free.map((value, i) => (axes.includes(i) ? (inside[axes.indexOf(i)] as number) : value)),
            );
          }
          return total;
        });
      },
    ),
    runs,
  );
});
