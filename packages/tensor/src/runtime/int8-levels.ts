import { CONTRIB, Emitter, serialize } from "../graph/emitter.ts";
import { INT8 } from "../graph/onnx.ts";
import type { Backend } from "./backend.ts";

const known = new WeakMap<Backend, Promise<number>>();

/**
 * The largest magnitude of an 8-bit weight whose products are exact, 127 or 64. The kernels for x86 processors without
 * VNNI add two products of a byte and a weight in 16 bits, which saturate: 2 · 255 · 127 > 32767 ≥ 2 · 255 · 64.
 * (ONNX Runtime's own remedy, `session.x64quantprecision`, also slows down processors that need none.)
 */
export function int8Levels(backend: Backend): Promise<number> {
  let levels = known.get(backend);
  if (!levels) {
    levels = measure(backend);
    known.set(backend, levels);
  }
  return levels;
}

async function measure(backend: Backend): Promise<number> {
  const [inputs, outputs] = [64, 16];
  const x = { dtype: "float32", shape: [1, inputs] } as const;
  const y = { dtype: "float32", shape: [1, outputs] } as const;
  const g = new Emitter(backend.device);
  const weights = new Array<number>(inputs * outputs).fill(127);
  const q = g.op("Cast", [g.constant("float32", weights, [inputs, outputs])], { to: INT8 });
  g.node("DynamicQuantizeMatMul", ["x", q, g.constant("float32", [1])], ["y"], {}, CONTRIB);
  const model = serialize(g.draft(new Map([["x", x]]), new Map([["y", y]])));
  const executable = await backend.load(model, { inputs: ["x"], outputs: [{ name: "y", ...y }] });
  try {
    // Inputs of 255 are quantized with a scale of 1.
    const [product] = await executable.run([
      backend.upload(new Float32Array(inputs).fill(255), x.dtype, x.shape),
    ]);
    const values = (await product!.read()) as Float32Array;
    const exact = inputs * 255 * 127;
    return values.every((value) => Math.abs(value / exact - 1) < 1e-3) ? 127 : 64;
  } finally {
    executable.release();
  }
}
