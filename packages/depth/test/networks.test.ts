/** Video Depth Anything and Depth Anything 3 against their original code: tools/fixtures/depth.py. */
import { readFileSync } from "node:fs";
import type { Module } from "@tessera-ml/nn";
import { compareAll, fillGolden, readProbes, stateHash, uniformTensor } from "@tessera-ml/nn/golden";
import { moduleOutputs } from "@tessera-ml/nn/inspect";
import { compile, type Tensor } from "@tessera-ml/tensor";
import { expect, test } from "vitest";
import { DepthAnything3Mono, depthAnythingConfigs, networks, VideoDepthAnything } from "../src/index.ts";
import { withDepthAnything3Encoder } from "../src/models/depth-anything-3.ts";

interface Reference {
  readonly states: Readonly<Record<string, { parameters: number; stateKeys: number; stateHash: number }>>;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  readonly outputs: unknown;
}
const file = new URL("fixtures/networks.json", import.meta.url);
const references = JSON.parse(readFileSync(file, "utf8")) as Readonly<
  Record<"video_depth_anything" | "depth_anything_3", Reference>
>;

const states = Object.values(references).flatMap((reference) => Object.entries(reference.states));
test.each(states)("%s: names and shapes", (name, expected) => {
  const model = networks.find(name).create();
  const state = [...model.stateDict()].map(([key, { shape }]) => [key, shape] as const);
  expect({
    parameters: model.parameterCount(),
    stateKeys: state.length,
    stateHash: stateHash(state),
  }).toEqual(expected);
});

async function expectAgreement(
  model: Module,
  { input, outputs }: Reference,
  trace: (x: Tensor) => ReadonlyMap<string, Tensor>,
): Promise<void> {
  fillGolden(model.eval(), {
    rules: [
      { match: /\.pe$/, keep: true },
      { match: /pos_embed$/, gain: 0.5 },
      { match: /output_conv2\.2\.weight$/, gain: 0.02 },
      { match: /output_conv2\.2\.bias$/, offset: 1, gain: 0.1 },
    ],
  });
  const probes = readProbes(outputs, "outputs");
  const names = [...probes.keys()];
  const run = compile((x: Tensor) => {
    const traced = trace(x);
    return names.map((name) => traced.get(name) as Tensor);
  });
  const results = run(uniformTensor(input.name, input.shape));
  const found = await compareAll(new Map(names.map((name, i) => [name, results[i]!])), probes, 1e-4);
  expect(found.problems).toEqual([]);
  run.release();
}

test("Video Depth Anything", async () => {
  const model = new VideoDepthAnything(depthAnythingConfigs.depth_anything_v2_vits);
  await expectAgreement(model, references.video_depth_anything, (x) => {
    const outputs = moduleOutputs(model, () => model.forward(x));
    // The original relates places after flattening the batch and the place, and gives them back by frame.
    const path = "head.motion_modules.0.temporal_transformer.transformer_blocks.0.ff";
    const [places, frames, dim] = outputs.get(path)!.shape as [number, number, number];
    const [clips, height] = [x.shape[0]!, places / x.shape[0]!];
    return outputs
      .set(
        path,
        outputs
          .get(path)!
          .reshape([clips, height, frames, dim])
          .transpose(1, 2)
          .reshape([clips * frames, height, dim]),
      )
      .set("output", outputs.get("")!);
  });
});

test("Depth Anything 3", async () => {
  const model = new DepthAnything3Mono(
    withDepthAnything3Encoder(depthAnythingConfigs.depth_anything_v2_vits),
  );
  await expectAgreement(model, references.depth_anything_3, (x) => {
    let result: ReturnType<typeof model.forward> | undefined;
    const outputs = moduleOutputs(model, () => (result = model.forward(x)));
    return outputs.set("depth", result!.depth).set("sky", result!.sky);
  });
});
