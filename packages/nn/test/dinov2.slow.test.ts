/** DINOv2 built of the transformer layers, against the outputs of its reference implementation. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { compile, concat, parameter, type Tensor, type Variable, zeros } from "@tessera-ml/tensor";
import { describe, expect, test } from "vitest";
import {
  compareAll,
  fillGolden,
  readProbes,
  readRules,
  stateHash,
  uniformTensor,
} from "../src/golden/index.ts";
import { interpolatePositions, LayerNorm, Module, PatchEmbed, SwiGLU, ViTBlock } from "../src/index.ts";

const shared = process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared");
const file = join(shared, "golden/depth/depth.json");
const present = existsSync(file);
if (!present) console.log(`transformer layers are not checked against goldens: ${file} is missing`);

interface Config {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly patch: number;
  readonly image: number;
  readonly ffn: "mlp" | "swiglu";
  readonly hidden?: number;
  readonly registers: number;
  readonly interpolateAntialias?: boolean;
  readonly interpolateOffset?: number;
}
interface Golden {
  readonly config: Config;
  readonly rules: unknown;
  readonly parameters: number;
  readonly stateHash: number;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly tolerance: number;
}

class DinoV2 extends Module {
  cls_token: Variable;
  pos_embed: Variable;
  register_tokens: Variable | undefined;
  mask_token: Variable;
  patch_embed: PatchEmbed;
  blocks: ViTBlock[];
  norm: LayerNorm;
  readonly config: Config;

  constructor(config: Config) {
    super();
    const { dim, depth, heads, patch, image, ffn, registers, hidden = 4 * dim } = config;
    this.config = config;
    this.cls_token = parameter(zeros([1, 1, dim]));
    this.pos_embed = parameter(zeros([1, 1 + (image / patch) ** 2, dim]));
    this.register_tokens = registers > 0 ? parameter(zeros([1, registers, dim])) : undefined;
    this.mask_token = parameter(zeros([1, dim]));
    this.patch_embed = new PatchEmbed(patch, dim);
    this.blocks = Array.from(
      { length: depth },
      () =>
        new ViTBlock(dim, heads, {
          layerScale: 1,
          ...(ffn === "swiglu" ? { mlp: new SwiGLU(dim, hidden) } : {}),
        }),
    );
    this.norm = new LayerNorm(dim, { eps: 1e-6 });
  }

  forward(x: Tensor): Map<string, Tensor> {
    const {
      patch,
      registers,
      interpolateAntialias: antialias = false,
      interpolateOffset = 0.1,
    } = this.config;
    const outputs = new Map<string, Tensor>();
    const keep = (name: string, y: Tensor) => {
      outputs.set(name, y);
      return y;
    };
    const grid = [x.shape[2]! / patch, x.shape[3]! / patch] as const;
    const patches = keep("patchEmbed", this.patch_embed.forward(x));
    const [batch, , dim] = patches.shape as [number, number, number];
    const table = interpolatePositions(this.pos_embed, grid, {
      antialias,
      ...(interpolateOffset > 0 ? { offset: interpolateOffset } : {}),
    });
    const all = (token: Tensor) => token.expand([batch, token.shape[1]!, dim]);
    let y = concat([all(this.cls_token), patches], 1).add(keep("posEmbed", table));
    if (this.register_tokens) {
      const [token, rest] = [y.narrow(1, 0, 1), y.narrow(1, 1, y.shape[1]! - 1)];
      y = concat([token, all(this.register_tokens), rest], 1);
    }
    keep("blocks.0 in", y);
    this.blocks.forEach((block, i) => {
      if (i === 0) {
        const attended = keep("blocks.0.attn", block.attn.forward(block.norm1.forward(y)));
        const middle = y.add(block.ls1!.forward(attended));
        keep("blocks.0.mlp", block.mlp.forward(block.norm2.forward(middle)));
      }
      y = keep(`blocks.${i}`, block.forward(y));
      const normed = this.norm.forward(y);
      keep(`tap.${i}.cls`, normed.select(1, 0));
      keep(`tap.${i}.tokens`, normed.narrow(1, 1 + registers, grid[0] * grid[1]));
    });
    const last = this.norm.forward(y);
    keep("x_norm_clstoken", last.select(1, 0));
    keep("x_norm_regtokens", last.narrow(1, 1, registers));
    return outputs;
  }
}

describe.skipIf(!present)("DINOv2", () => {
  const goldens = present ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, Golden>) : {};
  /** Excludes the 518 x 518 image, which is the most expensive case but does not resize the position embeddings. */
  const wanted = ["392x518", "70x42", "faint-42x56", "vits14_reg4-70x98", "vitg14-depth2-70x98"];
  const cases = Object.entries(goldens).filter(
    ([name]) => name.startsWith("dinov2/") && wanted.some((end) => name.endsWith(end)),
  );
  test("the cases are there", () => expect(cases).toHaveLength(wanted.length));

  test.each(cases)("%s", async (name, golden) => {
    const model = new DinoV2(golden.config).eval();
    expect(model.parameterCount()).toBe(golden.parameters);
    expect(stateHash([...model.stateDict()].map(([key, { shape }]) => [key, shape]))).toBe(golden.stateHash);
    fillGolden(model, { rules: readRules(golden.rules, `${name}.rules`) });
    const probes = readProbes(golden.outputs, `${name}.outputs`);
    const run = compile(
      (x: Tensor) => {
        const outputs = model.forward(x);
        return [...probes.keys()].map((key) => outputs.get(key)!);
      },
      { freeze: true },
    );
    const outputs = run(uniformTensor(golden.input.name, golden.input.shape));
    const named = new Map([...probes.keys()].map((key, i) => [key, outputs[i]!]));
    const { problems, deviation } = await compareAll(named, probes, golden.tolerance);
    expect(problems).toEqual([]);
    expect(deviation).toBeLessThan(golden.tolerance);
    run.release();
  });
});
