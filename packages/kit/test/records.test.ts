import { describe, expect, it } from "vitest";
import { figureOf, findRecord, sizeOf } from "../src/index.ts";
import { recordOf } from "./support/toys.ts";

const hub = (page: string) => ({
  file: "model.safetensors",
  url: `https://huggingface.co/${page}/resolve/main/a`,
});

const records = [
  recordOf("line.best", { evaluation: { dataset: "stars", metrics: { error: 0.25 } } }),
  recordOf("line.first", { source: "lab" }),
  recordOf("block_small.lab", { source: "lab", aliases: ["small-block"], files: [hub("Lab/block-small")] }),
];

describe("findRecord", () => {
  it.each([
    ["line.first", "line.first"],
    ["line", "line.best"],
    ["lab/line", "line.first"],
    ["lab/line.first", "line.first"],
    [" LINE.First ", "line.first"],
    ["Lab/Block-Small", "block_small.lab"],
    ["Block-Small", "block_small.lab"],
    ["block-small.lab", "block_small.lab"],
    ["small_block", "block_small.lab"],
    ["lab/Small-Block", "block_small.lab"],
  ])("%j is %s", (name, found) => {
    expect(findRecord(records, name).name).toBe(found);
  });

  it.each([
    ["lin", "Did you mean line?"],
    ["line.frst", "Did you mean line.first"],
    ["tessera/block_small", "`tessera models` lists all"],
    ["", "`tessera models` lists all"],
  ])("%j is none", (name, hint) => {
    const find = () => findRecord(records, name);
    expect(find).toThrow(`no checkpoint is called ${JSON.stringify(name)}.`);
    expect(find).toThrow(hint);
    expect(find).toThrow(expect.objectContaining({ code: "unknown-name" }));
  });
});

describe("what records say", () => {
  it("their figures, if they were measured", () => {
    expect(figureOf(records[0]!, "error")).toBe(0.25);
    expect(figureOf(records[0]!, "top1")).toBeUndefined();
    expect(figureOf(records[1]!, "error")).toBeUndefined();
  });

  it("the bytes of all their files, if every size is known", () => {
    const files = [
      { file: "a", size: 100 },
      { file: "b", sizeMiB: 0.5 },
    ] as const;
    expect(sizeOf(recordOf("line.a", { files }))).toBe(100 + 2 ** 19);
    expect(sizeOf(recordOf("line.a", { files: [...files, { file: "c" }] }))).toBeUndefined();
  });
});
