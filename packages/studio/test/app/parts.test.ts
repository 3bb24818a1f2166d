import { describe, expect, it } from "vitest";
import { defaultsOf, labelOf, resolve } from "../../src/app/generic/schema.ts";
import { encodeWav } from "../../src/app/media/wav.ts";
import { FrameRate } from "../../src/app/systems/depth-estimation/frame-rate.ts";

describe("schemas", () => {
  const root = { $defs: { Side: { type: "integer", minimum: 1 } } };

  it("resolve references, drop null, and join constants into an enum", () => {
    expect(resolve({ $ref: "#/$defs/Side", description: "px" }, root)).toEqual({
      type: "integer",
      minimum: 1,
      description: "px",
    });
    expect(resolve({ anyOf: [{ $ref: "#/$defs/Side" }, { type: "null" }], default: null }, root)).toEqual({
      type: "integer",
      minimum: 1,
      default: null,
    });
    expect(resolve({ oneOf: [{ const: "a" }, { const: "b" }] }, root)).toEqual({ enum: ["a", "b"] });
    expect(resolve({ $ref: "#/$defs/Nothing" }, root)).toEqual({});
  });

  it("give defaults and labels", () => {
    const schema = {
      properties: { top: { default: 5 }, seed: { type: "integer" }, fast: { default: false } },
    };
    expect(defaultsOf(schema)).toEqual({ top: 5, fast: false });
    expect(labelOf("points_per_side", {})).toBe("Points per side");
    expect(labelOf("maxLength", {})).toBe("Max length");
    expect(labelOf("x", { title: "Depth" })).toBe("Depth");
  });
});

describe("encodeWav", () => {
  it("writes a header and the mean of the channels", () => {
    const file = encodeWav([Float32Array.of(1, -1, 0), Float32Array.of(1, -1, 0.5)], 16000);
    const view = new DataView(file);
    const text = (at: number) => String.fromCharCode(...new Uint8Array(file, at, 4));
    expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
    expect([view.getUint32(4, true), view.getUint32(24, true), view.getUint32(40, true)]).toEqual([
      42, 16000, 6,
    ]);
    expect([44, 46, 48].map((at) => view.getInt16(at, true))).toEqual([32767, -32767, 8192]);
  });
});

describe("the frame rate", () => {
  it("is that of the last frames, and unknown for the first", () => {
    const rate = new FrameRate();
    expect(rate.tick(1000)).toBeUndefined();
    expect(rate.tick(1500)).toBe(2);
    // A slow start is forgotten.
    const last = Array.from({ length: 20 }, (_, i) => rate.tick(1600 + 100 * i)).at(-1);
    expect(last).toBeCloseTo(10, 6);
  });
});
