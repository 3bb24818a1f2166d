/** Ownership of GPU memory, on a fake device that counts buffers. */
import { expect, test, vi } from "vitest";
import { GpuArray, type GpuBuffer, type GpuDevice } from "../../src/runtime/gpu-array.ts";
import { collect } from "../support/memory.ts";

/** Buffers are host memory; copies are immediate. */
function fakeDevice() {
  const bytes = new Map<GpuBuffer, ArrayBuffer>();
  const counts = { made: 0, freed: 0 };
  const device: GpuDevice = {
    createBuffer({ size }) {
      counts.made++;
      const buffer: GpuBuffer = {
        size,
        mapAsync: async () => {},
        getMappedRange: () => bytes.get(buffer) as ArrayBuffer,
        unmap() {},
        destroy() {
          counts.freed++;
          bytes.delete(buffer);
        },
      };
      bytes.set(buffer, new ArrayBuffer(size));
      return buffer;
    },
    createCommandEncoder: () => ({
      copyBufferToBuffer(from, _, to) {
        const [source, target] = [bytes.get(from), bytes.get(to)];
        if (!source || !target) throw new Error("copy of freed memory");
        new Uint8Array(target).set(new Uint8Array(source));
      },
      finish: () => ({}),
    }),
    queue: { submit() {} },
  };
  return { device, counts };
}

const sample = (device: GpuDevice) =>
  new GpuArray(device, "float16", [3], { values: new Float16Array([1, 2, 3]) });

test("values are uploaded once, on first use, and read back", async () => {
  const { device, counts } = fakeDevice();
  const array = sample(device);
  expect([...(await array.read())]).toEqual([1, 2, 3]);
  expect(counts.made).toBe(0);
  expect(array.buffer.size).toBe(16);
  expect(array.buffer).toBe(array.buffer);
  expect(counts.made).toBe(1);
  expect(await array.read()).toEqual(new Float16Array([1, 2, 3]));
  // The staging buffer is freed.
  expect(counts).toEqual({ made: 2, freed: 1 });
});

test("release frees once, after the last hold is dropped", async () => {
  const { device, counts } = fakeDevice();
  const array = sample(device);
  const { buffer } = array;
  array.hold();
  array.hold();
  array.release();
  array.drop();
  expect(counts.freed).toBe(0);
  expect(array.buffer).toBe(buffer);
  array.drop();
  array.release();
  expect(counts.freed).toBe(1);
  expect(() => array.buffer).toThrow("float16 [3]: the array was released");
  expect(() => array.hold()).toThrow("float16 [3]: the array was released");
  await expect(array.read()).rejects.toThrow("float16 [3]: the array was released");
});

test("taken memory belongs to the next array", async () => {
  const { device, counts } = fakeDevice();
  const array = sample(device);
  const next = new GpuArray(device, "float16", [3], { memory: array.take() });
  array.release();
  expect(counts).toEqual({ made: 1, freed: 0 });
  await expect(array.read()).rejects.toThrow("the array was released");
  next.release();
  expect(counts).toEqual({ made: 1, freed: 1 });
});

test("garbage-collected arrays free their memory, unless it was taken", async () => {
  const { device, counts } = fakeDevice();
  const kept: GpuArray[] = [];
  (() => {
    for (let i = 0; i < 20; i++) {
      const array = sample(device);
      if (i % 2) expect(array.buffer.size).toBe(16);
      else kept.push(new GpuArray(device, "float16", [3], { memory: array.take() }));
    }
  })();
  const freed = () => {
    collect();
    expect(counts).toEqual({ made: 20, freed: 10 });
  };
  await vi.waitFor(freed, { timeout: 20_000, interval: 10 });
  for (const array of kept) array.release();
  expect(counts.freed).toBe(20);
});
