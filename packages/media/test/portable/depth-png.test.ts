import { encodeImage, encodePng16, Image, readDepth } from "@tessera-ml/media";
import { describe, expect, it } from "vitest";

const [WIDTH, HEIGHT] = [37, 11];
const values = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i * 40503) % 65536);

describe("PNGs of 16 bits", () => {
  it("keep every value", async () => {
    const { shape, data } = await readDepth(await encodePng16({ width: WIDTH, height: HEIGHT }, values), {
      unit: 1,
    });
    expect(shape).toEqual([1, HEIGHT, WIDTH]);
    expect([...data]).toEqual([...values]);
  });

  it("are damaged without their last rows, and no colours", async () => {
    const png = await encodePng16({ width: WIDTH, height: HEIGHT }, values);
    await expect(readDepth(png.slice(0, png.length >> 1))).rejects.toThrow("cut short");
    const colours = await encodeImage(new Image(4, 4, 3), "png");
    await expect(readDepth(colours)).rejects.toMatchObject({ code: "unsupported" });
  });
});
