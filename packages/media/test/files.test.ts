import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeGrey, encodeGrey16 } from "../src/image/codec/png-grey.ts";
import {
  drawPoints,
  encodeImage,
  Image,
  Planes,
  randomFlip,
  readDepth,
  readImage,
  writeDepth,
  writeImage,
} from "../src/index.ts";
import fixtures from "./fixtures/files.json" with { type: "json" };
import { bytesOf, formulaImage } from "./support/formula.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "media-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

describe("readImage", () => {
  it.each(fixtures.cases)("decodes $name to PIL's pixels", async ({ file, rgb, grey }) => {
    const image = await readImage(bytesOf(file), { orient: false });
    expect(image).toEqual(new Image(13, 9, 3, bytesOf(rgb)));
    const luma = await readImage(bytesOf(file), { orient: false, mode: "L" });
    expect(luma).toEqual(new Image(13, 9, 1, bytesOf(grey)));
  });

  it("reads a path and a file URL", async () => {
    const image = formulaImage(6, 5, 3);
    const path = join(folder, "a picture.png");
    await writeFile(path, await encodeImage(image, "png"));
    expect(await readImage(path)).toEqual(image);
    expect(await readImage(pathToFileURL(path))).toEqual(image);
    expect(await readImage(pathToFileURL(path).href)).toEqual(image);
  });

  it("rejects missing files and folders", async () => {
    await expect(readImage(join(folder, "no.png"))).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(/no\.png: no such file$/),
    });
    await expect(readImage(folder)).rejects.toThrow("is a folder, not a file");
    await expect(readImage("")).rejects.toThrow("got an empty string");
  });

  it("rejects wrong sizes and corrupt bytes", async () => {
    const png = await encodeImage(formulaImage(64, 64, 3), "png");
    const taller = Uint8Array.from(png);
    new DataView(taller.buffer).setUint32(20, 65);
    const nothing = Uint8Array.from(png);
    new DataView(nothing.buffer).setUint32(16, 0);
    const rotten = Uint8Array.from(png).fill(0x55, 60, 200);
    for (const bytes of [taller, nothing, rotten])
      await expect(readImage(bytes)).rejects.toMatchObject({ name: "MediaError", code: "damaged" });
  });

  it("does not draw SVG, which can name other files", async () => {
    const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(readImage(svg)).rejects.toThrow("SVG is not supported");
  });

  it("reduces 16-bit greyscale to 8 bits", async () => {
    const path = join(folder, "deep.png");
    const values = [0, 0x00ff, 0x12ff, 0x8000, 0xff00, 0xffff];
    await writeDepth(path, new Planes(1, 1, 6, Float32Array.from(values)), 1);
    const { data } = await readImage(path, { mode: "L" });
    for (const [i, value] of values.entries()) expect(Math.abs(data[i]! - value / 257)).toBeLessThan(0.51);
  });
});

describe("readImage of an http URL", () => {
  let server: Server;
  let address: string;
  const image = formulaImage(12, 8, 3);
  beforeAll(async () => {
    const png = await encodeImage(image, "png");
    server = createServer((request, response) => {
      if (request.url === "/picture") response.end(png);
      else if (request.url === "/endless") {
        response.writeHead(200);
        const more = () => {
          if (!response.destroyed && response.write(Buffer.alloc(65536))) setImmediate(more);
        };
        response.on("drain", more);
        more();
      } else if (request.url === "/cut") {
        response.writeHead(200, { "content-length": png.length });
        response.write(png.subarray(0, 50), () => response.destroy());
      } else if (request.url === "/busy") response.writeHead(503, "Busy").end();
      else response.writeHead(404).end("<html>nothing here</html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it("reads it", async () => expect(await readImage(`${address}/picture`)).toEqual(image));

  it("aborts a download that grows too large", async () => {
    const endless = readImage(`${address}/endless`, { maxBytes: 300_000 });
    await expect(endless).rejects.toMatchObject({ code: "too-large" });
  });

  it("reports the status of the response, or that there was none", async () => {
    await expect(readImage(`${address}/none`)).rejects.toMatchObject({ code: "not-found" });
    await expect(readImage(`${address}/busy`)).rejects.toThrow(/busy: 503 Busy$/);
    await expect(readImage(`${address}/cut`)).rejects.toMatchObject({ code: "unreachable" });
    await expect(readImage("http://127.0.0.1:9/x")).rejects.toMatchObject({ code: "unreachable" });
  });
});

describe("a Buffer, whose slice shares memory", () => {
  it("is copied before it is drawn on or flipped", () => {
    const bytes = Buffer.alloc(12);
    drawPoints(new Image(2, 2, 3, bytes), [{ x: 1, y: 1 }]);
    expect(bytes).toEqual(Buffer.alloc(12));
    const data = Buffer.from([1, 2, 3, 4]);
    const flipped = randomFlip({ shape: [1, 1, 2, 2], data }, () => 0, 1);
    expect([...flipped.data]).toEqual([2, 1, 4, 3]);
    expect([...data]).toEqual([1, 2, 3, 4]);
  });
});

describe("writeImage", () => {
  it("creates folders and leaves no temporary files", async () => {
    const image = formulaImage(6, 5, 3);
    await writeImage(join(folder, "new", "deeper", "a.png"), image);
    expect(await readdir(join(folder, "new", "deeper"))).toEqual(["a.png"]);
    expect(await readImage(join(folder, "new", "deeper", "a.png"))).toEqual(image);
  });

  it("keeps the old file and leaves no temporary files on failure", async () => {
    const path = join(folder, "kept.png");
    await writeImage(path, formulaImage(6, 5, 3));
    const before = await readFile(path);
    const wrong = { format: "bmp" as "png" };
    await expect(writeImage(path, formulaImage(2, 2, 3), wrong)).rejects.toThrow();
    expect(await readFile(path)).toEqual(before);
    const blocked = join(folder, "blocked.png");
    await writeImage(join(blocked, "inside.png"), formulaImage(2, 2, 3));
    await expect(writeImage(blocked, formulaImage(2, 2, 3))).rejects.toThrow();
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("takes the format from the extension and rejects unknown ones", async () => {
    const image = formulaImage(6, 5, 3);
    const starts = { "x.JPG": [0xff, 0xd8], "x.webp": [0x52, 0x49], "x.png": [0x89, 0x50] };
    for (const [name, start] of Object.entries(starts)) {
      await writeImage(join(folder, name), image);
      expect([...(await readFile(join(folder, name))).subarray(0, 2)]).toEqual(start);
    }
    await expect(writeImage(join(folder, "x.gif"), image)).rejects.toThrow("ending in .png, .jpg or .webp");
  });
});

describe("depth maps", () => {
  it("are stored in millimetres", async () => {
    const path = join(folder, "depth.png");
    const values = [0, 0.001, 1.2344, 65.535, 70, -1, Number.NaN, Number.POSITIVE_INFINITY];
    await writeDepth(path, new Planes(1, 2, 4, Float32Array.from(values)));
    const read = await readDepth(path);
    expect(read.shape).toEqual([1, 2, 4]);
    const expected = [0, 0.001, 1.234, 65.535, 65.535, 0, 0, 0];
    for (const [i, value] of expected.entries()) expect(read.data[i]).toBeCloseTo(value, 5);
    expect((await readDepth(path, { unit: 1 })).data[2]).toBe(1234);
  });

  it("are the same in the browser's codec, whatever the filters of their rows", async () => {
    const [width, height] = [61, 47];
    const waves = Uint16Array.from(
      { length: width * height },
      (_, i) => 30000 + 20000 * Math.sin(i / 90) * Math.cos((i % width) / 7) + ((i * 7919) % 300),
    );
    const options = { name: "waves.png", orient: false, maxPixels: 1e6 };
    const picture = sharp(waves, { raw: { width, height, channels: 1 } }).toColourspace("grey16");
    const file = new Uint8Array(await picture.png({ adaptiveFiltering: true }).toBuffer());
    expect([...(await decodeGrey(file, options)).data]).toEqual([...waves]);
    const { data } = await readDepth(await encodeGrey16(width, height, waves), { unit: 1 });
    expect([...data]).toEqual([...waves]);
  });

  it("have one channel", async () => {
    const path = join(folder, "color.png");
    await writeImage(path, formulaImage(4, 4, 3));
    await expect(readDepth(path)).rejects.toThrow("color.png: expected one depth channel, got 3");
    await expect(writeDepth(path, new Planes(2, 1, 1))).rejects.toThrow("got [2,1,1]");
  });
});
