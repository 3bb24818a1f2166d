/** Files whose tensors are not in a plain dict: whole models, nested dicts, exported programs. */
import { expect, test } from "vitest";
import { openCheckpoint } from "../../src/files/index.ts";
import {
  bytes,
  call,
  dict,
  floats,
  global,
  int,
  type Part,
  pickle,
  tensor,
  text,
  torchZip,
  tuple,
  zip,
} from "./support/bytes.ts";
import { expected, expectTensors, fixture } from "./support/fixtures.ts";

test.each([
  ["whole.zip.pt", "torch", ""],
  ["whole.legacy.pt", "torch", "model"],
  ["averaged.zip.pt", "torch", ""],
  ["exported.pt2", "pt2", ""],
  ["script.pt", "torch", ""],
  ["pickled.pkl", "torch", "net"],
])("%s: has the tensors of its state dict", async (file, format, section) => {
  await using checkpoint = await openCheckpoint(fixture(file));
  expect(checkpoint).toMatchObject({ format, section });
  expect(checkpoint.names().toSorted()).toEqual(Object.keys(expected[file] ?? {}).toSorted());
  await expectTensors(file, checkpoint);
});

const one = tensor({ count: 2, shape: [2], strides: [1] });
const open = async (object: Part, options = {}) =>
  openCheckpoint(await torchZip(object, [floats(1, 2)]), { name: "m.pt", ...options });
const module = (parts: {
  parameters?: Part;
  buffers?: Part;
  modules?: Part;
  more?: Record<string, Part>;
}): Part => [
  call(global("my.nets", "Net")),
  dict({
    _parameters: parts.parameters ?? "}",
    _buffers: parts.buffers ?? "}",
    _modules: parts.modules ?? "}",
    ...parts.more,
  }),
  "b",
];

test("attributes, absent parameters and non-persistent buffers of a model are not among its tensors", async () => {
  const inner = module({ parameters: dict({ weight: one, bias: "N" }) });
  const model = module({
    buffers: dict({ mean: one, scratch: one }),
    modules: dict({ conv: inner, gone: "N" }),
    more: {
      _non_persistent_buffers_set: call(global("__builtin__", "set"), ["](", text("scratch"), "e"]),
      best: one,
      config: call(global("argparse", "Namespace")),
    },
  });
  const checkpoint = await open(model);
  expect(checkpoint).toMatchObject({ section: "", leftOut: [] });
  expect(checkpoint.names()).toEqual(["mean", "conv.weight"]);
  expect(checkpoint.get("conv.weight").name).toBe("conv.weight");
  expect((await open(dict({ epoch: int(1), model, ema: model }))).otherSections).toEqual(["ema"]);
  expect((await open(dict({ epoch: int(1), model, ema: model }), { section: "ema" })).section).toBe("ema");
});

test("attributes of a class with slots", async () => {
  const state = tuple(dict({ _parameters: dict({ w: one }) }), dict({ _modules: "}" }));
  expect((await open([call(global("m", "Net")), state, "b"])).names()).toEqual(["w"]);
});

test.each<[string, Part]>([
  ["a namespace", [call(global("argparse", "Namespace")), dict({ lr: int(1) }), "b"]],
  ["a path", call(global("pathlib", "PosixPath"), text("a"), text("b"))],
  [
    "a method and its call",
    call(call(global("builtins", "getattr"), global("m", "C"), text("make")), int(1)),
  ],
  ["an object with keyword arguments", [global("m", "C"), ")", dict({ a: int(1) }), 0x92]],
  ["a set of an unknown class", [call(global("m", "Set")), "(", int(1), 0x90]],
  ["a list of an unknown class", [call(global("m", "List")), "(", int(1), int(2), "e"]],
  ["a class with attributes", [global("m", "C"), dict({ a: int(1) }), "b"]],
  ["a quantized tensor", call(global("torch._utils", "_rebuild_qtensor"), tuple(int(1)))],
  [
    "a tensor subclass",
    call(
      global("torch._tensor", "_rebuild_from_type_v2"),
      global("m", "f"),
      global("m", "T"),
      tuple(int(1)),
      "}",
    ),
  ],
])("%s next to the tensors", async (_, object) => {
  const checkpoint = await open(dict({ args: object, model: dict({ w: one }) }));
  expect(checkpoint).toMatchObject({ section: "model", leftOut: ["args"] });
  expect(await checkpoint.get("w").read()).toEqual(new Float32Array([1, 2]));
});

test("a dict of an unknown class", async () => {
  const own = [call(global("m", "Config")), "(", text("w"), one, text("n"), int(1), "u"];
  expect(await open(own)).toMatchObject({ section: "", leftOut: ["n"] });
  expect((await open(dict({ weights: own }))).names()).toEqual(["w"]);
});

test("nested tensors are found, except those of optimizers", async () => {
  const optimizer = dict({ state: dict({ a: dict({ exp_avg: one }) }) });
  const run = dict({
    optimizer,
    run: dict({ state: dict({ net: dict({ w: one }), ema: dict({ w: one }) }) }),
  });
  expect(await open(run)).toMatchObject({
    section: "run.state.net",
    otherSections: ["run.state.ema"],
    leftOut: ["optimizer"],
  });
  const trainer = [call(global("m", "Trainer")), dict({ student: dict({ w: one }) }), "b"];
  expect((await open(trainer)).section).toBe("student");
  await expect(open(dict({ optimizer }))).rejects.toThrow(
    "m.pt: no tensors found. The file has 1 keys: optimizer",
  );
});

/** A torch.export archive with one column-major weight of 2×3. */
async function exported(config: unknown, more: Record<string, Uint8Array> = {}): Promise<Uint8Array> {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  return await zip({
    "p/archive_format": bytes("pt2"),
    "p/data/weights/weight_0": floats(1, 2, 3, 4, 5, 6),
    "p/data/weights/model_weights_config.json": json(config),
    "p/models/model.json": json({}),
    ...more,
  });
}
const ints = (...values: number[]) => values.map((as_int) => ({ as_int }));
const meta = (changed: object = {}) => ({
  config: {
    w: {
      path_name: "weight_0",
      use_pickle: false,
      tensor_meta: {
        dtype: 7,
        sizes: ints(2, 3),
        strides: ints(1, 2),
        storage_offset: { as_int: 0 },
        ...changed,
      },
    },
    odd: { path_name: "weight_1", use_pickle: true },
  },
});

test("an exported program: views, several models, damage", async () => {
  const checkpoint = await openCheckpoint(await exported(meta()), { name: "p.pt2" });
  expect(checkpoint).toMatchObject({ format: "pt2", section: "", leftOut: ["odd"] });
  expect(await checkpoint.get("w").read()).toEqual(new Float32Array([1, 3, 5, 2, 4, 6]));
  const second = { "p/data/weights/other_weights_config.json": bytes(JSON.stringify({ config: {} })) };
  await expect(openCheckpoint(await exported(meta(), second))).rejects.toThrow(
    "several sections have tensors: model, other",
  );
  expect(await openCheckpoint(await exported(meta(), second), { section: "model" })).toMatchObject({
    section: "model",
    otherSections: ["other"],
  });
  const broken = async (changed: object) => openCheckpoint(await exported(meta(changed)), { name: "p.pt2" });
  const where = "p.pt2: p/data/weights/model_weights_config.json: w: ";
  await expect(broken({ dtype: 99 })).rejects.toThrow(`${where}unsupported element type 99`);
  await expect(broken({ sizes: ints(2, 4) })).rejects.toThrow(`${where}shape [2, 4]`);
  await expect(broken({ sizes: [{ as_expr: "s0" }] })).rejects.toThrow(`${where}expected a number as size`);
  await expect(openCheckpoint(await zip({ "p/archive_format": bytes("pt2") }))).rejects.toThrow(
    "without readable weights",
  );
});

test("an exported program of PyTorch before 2.8", async () => {
  const state = await torchZip(dict({ w: one }), [floats(1, 2)]);
  const file = await zip({
    version: bytes("5"),
    "serialized_exported_program.json": bytes("{}"),
    "serialized_state_dict.pt": state,
  });
  const checkpoint = await openCheckpoint(file);
  expect(checkpoint.format).toBe("pt2");
  expect(await checkpoint.get("w").readRange(1, 2)).toEqual(new Float32Array([2]));
});

test("an archive of neither kind is an error", async () => {
  await expect(openCheckpoint(await zip({ "a/b.txt": pickle() }))).rejects.toThrow("0 entries data.pkl");
});
