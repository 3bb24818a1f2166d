/** Checkpoints from memory and Blobs, without a file system. */
import { expect, test } from "vitest";
import { encodeNpy, encodeSafetensors, openCheckpoint } from "../../src/files/index.ts";
import { dict, floats, int, tensor, torchZip } from "../files/support/bytes.ts";

const data = Float32Array.from({ length: 12 }, (_, i) => i / 4);

test("safetensors from a Blob", async () => {
  const bytes = await encodeSafetensors([{ name: "w", dtype: "float32", shape: [3, 4], data }], {
    floats: "BF16",
  });
  const checkpoint = await openCheckpoint(new Blob([bytes]));
  expect(checkpoint.get("w").dtype).toBe("BF16");
  expect(await checkpoint.get("w").read()).toEqual(data);
  expect(await checkpoint.get("w").readRange(1, 2)).toEqual(data.slice(4, 8));
});

test.each([0, 9])("a PyTorch archive, compressed at level %d", async (level) => {
  const object = dict({
    epoch: int(1),
    model: dict({ w: tensor({ count: 12, shape: [4, 3], strides: [1, 4] }) }),
  });
  const checkpoint = await openCheckpoint(await torchZip(object, [floats(...data)], {}, { level }));
  expect(checkpoint).toMatchObject({ section: "model", leftOut: ["epoch"] });
  const transposed = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map((i) => data[i]);
  expect(Array.from(await checkpoint.get("w").read(), Number)).toEqual(transposed);
});

test(".npy from bytes", async () => {
  const checkpoint = await openCheckpoint(await encodeNpy({ name: "", dtype: "float32", shape: [12], data }));
  expect(await checkpoint.get("").read()).toEqual(data);
});

test("URLs are fetched in the page; paths need Node", async () => {
  const body = await encodeSafetensors([{ name: "w", dtype: "float32", shape: [12], data }]);
  const fake: typeof fetch = async () => new Response(body);
  const checkpoint = await openCheckpoint("https://example.org/w.safetensors", { fetch: fake });
  expect(await checkpoint.get("w").read()).toEqual(data);
  await expect(openCheckpoint("no/such/file.safetensors")).rejects.toThrow("no/such/file.safetensors");
});
