/** Random numbers: reproducible everywhere, and random. */
import { describe, expect, test } from "vitest";
import {
  bernoulli,
  compile,
  dropout,
  erfInverse,
  generatorState,
  grad,
  HostRandom,
  manualSeed,
  nextKey,
  normal,
  permutation,
  randint,
  randomKey,
  splitKey,
  stack,
  type Tensor,
  tensor,
  truncatedNormal,
  uniform,
} from "../../src/index.ts";
import { hostBits, seedKey } from "../../src/random.ts";

const numbers = async (x: Tensor) => Array.from(await x.data(), Number);
const key = randomKey(42);

describe("the same numbers on every backend", () => {
  test("keys, uniform numbers, masks and permutations are bit-identical", async () => {
    expect(await numbers(key)).toEqual([-89379270, 665360276]);
    expect(await numbers(randomKey(-1))).toEqual([-1077274398, 795365121]);
    expect(await numbers(randomKey(2 ** 40 + 5))).toEqual([1827850970, -1289636997]);
    expect(await numbers(uniform(key, [5]))).toEqual([
      0.5388965606689453, 0.4909142851829529, 0.1401877999305725, 0.6959856152534485, 0.4799835681915283,
    ]);
    expect(await numbers(bernoulli(key, 0.5, [16]))).toEqual([
      1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0,
    ]);
    expect(await numbers(permutation(key, 10))).toEqual([0, 6, 9, 3, 7, 5, 2, 8, 4, 1]);
    expect(await numbers(randint(key, [8], -3, 4))).toEqual([0, 0, -3, 1, 0, -3, 1, 3]);
    expect(await Promise.all(splitKey(key, 3).map(numbers))).toEqual([
      [-1202074740, -787146870],
      [-1124721101, 1900170505],
      [556172949, 746169746],
    ]);
    const host = new HostRandom(42, 1, 2);
    expect([host.next(), host.next(), host.below(10)]).toEqual([0.36513569415546954, 0.8778000746387988, 9]);
    expect([...host.permutation(6)]).toEqual([1, 3, 2, 5, 4, 0]);
  });

  test("normal numbers agree up to rounding in cos and log", async () => {
    const expected = [-0.41423091292381287, -1.1528366804122925, 0.5284774303436279, -1.1733194589614868];
    (await numbers(normal(key, [5])))
      .slice(0, 4)
      .forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 6));
    const cut = [0.09319768846035004, -0.021740010008215904, -1.0086997747421265, 0.4875572919845581];
    (await numbers(truncatedNormal(key, [4]))).forEach((value, i) =>
      expect(value).toBeCloseTo(cut[i] as number, 6),
    );
  });

  test("graph and host generate the same bits", async () => {
    const halves = seedKey(7);
    const u = await numbers(uniform(randomKey(7), [1000]));
    u.forEach((value, i) => expect(value).toBe((hostBits(halves, i) >>> 8) * 2 ** -24));
    const keys = await Promise.all(splitKey(randomKey(7), 20).map(numbers));
    keys.forEach((child, i) =>
      expect(child).toEqual([0, 1].map((half) => hostBits(halves, 0x80000000 + 2 * i + half) | 0)),
    );
  });

  test("entries do not depend on the length or shape of the array", async () => {
    const long = await numbers(uniform(key, [1000]));
    expect(await numbers(uniform(key, [7]))).toEqual(long.slice(0, 7));
    expect(await numbers(uniform(key, [4, 5]))).toEqual(long.slice(0, 20));
  });
});

describe("state", () => {
  test("manualSeed restarts the sequence of keys, which is the same on the host and in graphs", async () => {
    manualSeed(5);
    const host = [await numbers(nextKey()), await numbers(nextKey()), await numbers(nextKey())];
    const draw = compile(() => [nextKey(), nextKey(), nextKey()]);
    manualSeed(5);
    expect(await Promise.all(draw().map(numbers))).toEqual(host);
    manualSeed(5);
    const first = await numbers(nextKey());
    const rest = compile(() => [nextKey(), nextKey()])();
    expect([first, ...(await Promise.all(rest.map(numbers)))]).toEqual(host);
    // The state is now the result of a graph, not on the host.
    const fourth = await numbers(nextKey());
    manualSeed(5);
    for (let i = 0; i < 3; i++) nextKey();
    expect(await numbers(nextKey())).toEqual(fourth);
  });

  test("a compiled function draws new numbers in each call, unless it is seeded inside", async () => {
    manualSeed(1);
    const draw = compile(() => uniform(nextKey(), [4]));
    const calls = [await numbers(draw()), await numbers(draw())];
    expect(calls[0]).not.toEqual(calls[1]);
    manualSeed(1);
    expect([await numbers(draw()), await numbers(draw())]).toEqual(calls);
    const seeded = compile(() => {
      manualSeed(3);
      return uniform(nextKey(), [4]);
    });
    const fixed = await numbers(seeded());
    expect(await numbers(seeded())).toEqual(fixed);
    manualSeed(3);
    expect(await numbers(uniform(nextKey(), [4]))).toEqual(fixed);
  });

  test("the generator's state can be saved and restored", async () => {
    manualSeed(9);
    nextKey();
    const kept = Int32Array.from(await generatorState().data(), Number);
    const next = await numbers(uniform(nextKey(), [3]));
    generatorState().assign(kept);
    expect(await numbers(uniform(nextKey(), [3]))).toEqual(next);
  });
});

/** The deviation of the chi-square statistic from its expectation, in standard deviations. */
function chiSquare(counts: ArrayLike<number>, expected: number): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += ((counts[i] as number) - expected) ** 2 / expected;
  return (sum - (counts.length - 1)) / Math.sqrt(2 * (counts.length - 1));
}
function histogram(values: Iterable<number>, bins: number, binOf: (value: number) => number): Float64Array {
  const counts = new Float64Array(bins);
  for (const value of values) counts[binOf(value)] = (counts[binOf(value)] as number) + 1;
  return counts;
}
function moments(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const of = (power: number) => values.reduce((a, b) => a + (b - mean) ** power, 0) / values.length;
  return { mean, variance: of(2), skew: of(3) / of(2) ** 1.5, kurtosis: of(4) / of(2) ** 2 };
}
/** Correlation of two series, in standard deviations. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [moments(a), moments(b)];
  const product = a.reduce((sum, value, i) => sum + (value - ma.mean) * ((b[i] as number) - mb.mean), 0);
  return product / Math.sqrt(ma.variance * mb.variance) / Math.sqrt(a.length);
}

describe("statistics (fixed seeds, so the outcome is deterministic)", () => {
  const count = 1 << 16;

  test("single bits, bytes, and pairs of entries", () => {
    for (const seed of [0, 1, 12345]) {
      const halves = seedKey(seed);
      const bits = Array.from({ length: count }, (_, i) => hostBits(halves, i));
      for (let bit = 0; bit < 32; bit++) {
        const ones = bits.reduce((sum, b) => sum + ((b >>> bit) & 1), 0);
        expect(Math.abs(ones - count / 2) / Math.sqrt(count / 4)).toBeLessThan(4);
      }
      for (const shift of [0, 8, 16, 24])
        expect(
          Math.abs(
            chiSquare(
              histogram(bits, 256, (b) => (b >>> shift) & 255),
              count / 256,
            ),
          ),
        ).toBeLessThan(4);
      for (const lag of [1, 2, 3, 64, 1024])
        for (const shift of [0, 28]) {
          const pairs = bits
            .slice(lag)
            .map((b, i) => ((b >>> shift) & 15) * 16 + (((bits[i] as number) >>> shift) & 15));
          expect(
            Math.abs(
              chiSquare(
                histogram(pairs, 256, (p) => p),
                pairs.length / 256,
              ),
            ),
          ).toBeLessThan(4);
        }
    }
  });

  test("neighbouring seeds and split keys give uncorrelated numbers", async () => {
    const firsts = Array.from({ length: count }, (_, seed) => hostBits(seedKey(seed), 0));
    expect(
      Math.abs(
        chiSquare(
          histogram(firsts, 256, (b) => b >>> 24),
          count / 256,
        ),
      ),
    ).toBeLessThan(4);
    const streams = await Promise.all(
      [key, ...splitKey(key, 12)].map(async (k) => numbers(uniform(k, [4096]))),
    );
    for (let i = 0; i < streams.length; i++)
      for (let j = 0; j < i; j++)
        expect(Math.abs(correlation(streams[i] as number[], streams[j] as number[]))).toBeLessThan(4);
  });

  test("uniform and normal numbers have the expected moments", async () => {
    const u = moments(await numbers(uniform(key, [count], { low: -1, high: 3 })));
    expect(Math.abs(u.mean - 1)).toBeLessThan(4 * Math.sqrt(16 / 12 / count));
    expect(u.variance).toBeCloseTo(16 / 12, 1);
    const values = await numbers(normal(key, [count], { mean: 2, std: 3 }));
    const n = moments(values);
    expect(Math.abs(n.mean - 2)).toBeLessThan((4 * 3) / Math.sqrt(count));
    expect(Math.abs(n.variance / 9 - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
    expect(Math.abs(n.skew)).toBeLessThan(4 * Math.sqrt(6 / count));
    expect(Math.abs(n.kurtosis - 3)).toBeLessThan(4 * Math.sqrt(24 / count));
    // The two halves are made from the same pairs, but must be uncorrelated.
    expect(Math.abs(correlation(values.slice(0, count / 2), values.slice(count / 2)))).toBeLessThan(4);
    const odd = await numbers(normal(key, [3, 5]));
    expect(odd).toHaveLength(15);
  });

  test("truncated normal numbers stay in bounds and have the expected variance", async () => {
    const values = await numbers(truncatedNormal(key, [count], { mean: 1, std: 0.5 }));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(2);
    const { mean, variance } = moments(values);
    expect(mean).toBeCloseTo(1, 2);
    expect(variance).toBeCloseTo(0.25 * 0.7737, 2); // 1 − 2·2·φ(2)/(Φ(2) − Φ(−2)) = 0.7737
    const tail = await numbers(truncatedNormal(key, [1000], { low: 2, high: 3 }));
    expect([Math.min(...tail) >= 2, Math.max(...tail) <= 3]).toEqual([true, true]);
  });

  test("all-zero bits give the end of the distribution, not NaN", async () => {
    // One entry in 2^24: too rare for a random test, but not for a network.
    const [seed, at] = [32026, 21];
    expect(hostBits(seedKey(seed), at) >>> 8).toBe(0);
    for (const bounds of [{}, { low: -2, high: 2 }, { low: -Infinity, high: Infinity }]) {
      const values = await numbers(truncatedNormal(randomKey(seed), [32], { std: 0.02, ...bounds }));
      expect(values.every(Number.isFinite)).toBe(true);
      expect(values[at]).toBe(Math.min(...values));
      expect(values[at]).toBeGreaterThan(-0.02 * 5.5);
    }
    for (const draw of [uniform, normal])
      expect((await numbers(draw(randomKey(seed), [64]))).every(Number.isFinite)).toBe(true);
    const inverse = await numbers(erfInverse(tensor([-1, -0.5, 0, 0.5, 1, 1.5])));
    expect([inverse[0], inverse[2], inverse[4], inverse[5]]).toEqual([-Infinity, 0, Infinity, Number.NaN]);
    expect(inverse[3]).toBeCloseTo(0.4769363, 6);
  });

  test("bernoulli and randint have the expected frequencies", async () => {
    for (const p of [0, 0.001, 0.3, 0.9, 1]) {
      const rate = moments(await numbers(bernoulli(key, p, [count]))).mean;
      expect(Math.abs(rate - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / count) + 2 ** -17);
    }
    const dice = await numbers(randint(key, [count], 1, 7));
    expect(
      Math.abs(
        chiSquare(
          histogram(dice, 6, (d) => d - 1),
          count / 6,
        ),
      ),
    ).toBeLessThan(4);
    expect(() => randint(key, [2], 3, 3)).toThrow("randint: expected integers low < high, got 3 and 3");
    expect(() => bernoulli(key, 1.5, [2])).toThrow("bernoulli: expected a probability, got 1.5");
  });

  test("dropout keeps 1 − p of the entries and preserves the mean; the gradient uses the same mask", async () => {
    const x = uniform(randomKey(3), [count], { low: 1, high: 2 });
    const [y, dx] = [dropout(x, 0.3, key), grad((v: Tensor) => dropout(v, 0.3, key).sum())(x)];
    const [kept, slopes, all] = [await numbers(y), await numbers(dx), await numbers(x)];
    const rate = kept.filter((value) => value !== 0).length / count;
    expect(Math.abs(rate - 0.7)).toBeLessThan(4 * Math.sqrt(0.21 / count));
    expect(moments(kept).mean).toBeCloseTo(moments(all).mean, 1);
    const wrong = kept.filter((value, i) => {
      const slope = value === 0 ? 0 : Math.fround(1 / 0.7);
      return slopes[i] !== slope || Math.abs(value - slope * (all[i] as number)) > 1e-5;
    });
    expect(wrong).toEqual([]);
    expect(dropout(x, 0, key)).toBe(x);
    expect(() => dropout(x, 1, key)).toThrow("dropout: expected a probability below 1, got 1");
  });

  test("a permutation contains each number once, and all orders are equally likely", async () => {
    for (const n of [1, 2, 100, 4097]) {
      const order = await numbers(permutation(key, n));
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      expect([...new HostRandom(n).permutation(n)].sort((a, b) => a - b)).toEqual(
        [...order].sort((a, b) => a - b),
      );
    }
    const trials = 120;
    const orders = splitKey(key, trials).map((k) => permutation(k, 3));
    const together = await numbers(stack(orders));
    const counts = new Map<string, number>();
    for (let i = 0; i < trials; i++) {
      const text = together.slice(3 * i, 3 * i + 3).join();
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    expect(Math.abs(chiSquare([...counts.values()], trials / 6))).toBeLessThan(4);
    const host = histogram(
      Array.from({ length: trials }, (_, i) => [...new HostRandom(i).permutation(4)].indexOf(0)),
      4,
      (at) => at,
    );
    expect(Math.abs(chiSquare(host, trials / 4))).toBeLessThan(4);
  });
});

test("invalid keys and seeds are rejected", () => {
  expect(() => uniform(tensor([1, 2]), [3])).toThrow(/expected a key, an int32 tensor of shape \[2\]/);
  expect(() => splitKey(tensor(new Int32Array(3)))).toThrow(/randomBits\(\[3\] int32\): expected a key/);
  expect(() => randomKey(1.5)).toThrow("randomKey: expected an integer seed, got 1.5");
  expect(() => permutation(key, -1)).toThrow(/non-negative/);
});
