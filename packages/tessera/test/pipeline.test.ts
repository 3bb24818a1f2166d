import { HubError } from "@tessera-ml/hub";
import type { ImageSource } from "@tessera-ml/media";
import type { Classification } from "@tessera-ml/vision";
import { describe, expect, expectTypeOf, it } from "vitest";
import { one, png } from "../../cli/test/pictures.ts";
import { type Outcome, type PipelineOf, type PipelineOptions, pipeline, systems } from "../src/index.ts";
import { installedSystems } from "../src/installed.ts";

type Classify = PipelineOf<"image-classification">;
type Options = { readonly top?: number } & PipelineOptions;

describe("types", () => {
  it("knows a task's input, options and answer by its name", () => {
    expectTypeOf(pipeline<"image-classification">).returns.resolves.toEqualTypeOf<Classify>();
    const ask = (classify: Classify, source: ImageSource, options: Options) => ({
      alone: classify(source),
      one: classify(source, options),
      many: classify([source, source], options),
      stream: classify.stream([source], options),
    });
    type Asked = ReturnType<typeof ask>;
    expectTypeOf<Asked["alone"]>().resolves.toEqualTypeOf<Classification>();
    expectTypeOf<Asked["one"]>().resolves.toEqualTypeOf<Classification>();
    expectTypeOf<Asked["many"]>().resolves.toEqualTypeOf<Classification[]>();
    expectTypeOf<Asked["stream"]>().toEqualTypeOf<AsyncGenerator<Outcome<Classification>, void, undefined>>();
  });

  it("refuses other inputs and options", () => {
    const ask = (classify: Classify) => {
      // @ts-expect-error an image is no number
      void classify(1);
      // @ts-expect-error the option is called `top`
      void classify("a.png", { best: 3 });
    };
    expectTypeOf(ask).toBeFunction();
  });
});

describe("pipeline", () => {
  it("refuses the name of a task that it does not know, before and while it runs", async () => {
    // @ts-expect-error the name is misspelt
    const wrong = pipeline("image-clasification", "digitnet");
    await expect(wrong).rejects.toThrow(
      'no task is called "image-clasification". Did you mean image-classification?',
    );
    await expect(wrong).rejects.toBeInstanceOf(HubError);
    await expect(wrong).rejects.toMatchObject({ code: "unknown-name" });
    await expect(pipeline("image-classification", "digitnt")).rejects.toMatchObject({ code: "unknown-name" });
  });

  it("answers one input, several and a stream of them", async () => {
    using classify = await pipeline("image-classification", "digitnet");
    expect(classify.record).toMatchObject({ name: "digitnet.tessera", task: "image-classification" });
    const bytes = await png(one());
    const alone = await classify(bytes, { top: 2 });
    expect(alone.predictions).toMatchObject([{ label: "1" }, {}]);
    const several = await classify([bytes, one()], { top: 1, batchSize: 1 });
    expect(several.map(({ predictions }) => predictions[0]?.label)).toEqual(["1", "1"]);
    const seen: string[] = [];
    for await (const outcome of classify.stream([bytes, new Uint8Array([1, 2, 3]), bytes]))
      seen.push("error" in outcome ? `${outcome.index} failed` : `${outcome.index} answered`);
    expect(seen).toEqual(["0 answered", "1 failed", "2 answered"]);
    await expect(classify(bytes, { top: 0 })).rejects.toThrow(RangeError);
  });

  it("stops where it is aborted", async () => {
    using classify = await pipeline("image-classification", "digitnet");
    await expect(classify(one(), { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });
});

describe("systems", () => {
  it("have names and commands of their own", async () => {
    expect(new Set(systems.flatMap(({ name, command }) => [name, command])).size).toBe(2 * systems.length);
    expect(await installedSystems()).toEqual([...systems]);
  });
});
