import { describe, expect, it } from "vitest";
import { defineStudy, StudyContext, studyReport } from "../src/studies/index.ts";

const study = defineStudy({
  name: "outliers",
  title: "Outliers & lines",
  claim: "One far point <pulls> a line.",
  paper: "Somebody 1805",
  minutes: 1,
  measure: async (options) => {
    const context = new StudyContext(options);
    context.say("without it", 0);
    context.say("with it", 0.5);
    return {
      plots: [
        {
          title: "Error",
          xLabel: "step",
          yLabel: "error",
          curves: [{ name: "far", x: [0, 1], y: [1, 1 / context.scale] }],
        },
      ],
      tables: [{ title: "Lines", columns: ["points", "slope"], rows: [["all", context.seed]] }],
      findings: [
        { paper: "It pulls.", here: "it pulls by 3", holds: true },
        { paper: "It pulls twice.", here: "It does not", holds: false },
      ],
    };
  },
});

describe("defineStudy", () => {
  it("measures with what it is given, and says how far it is", async () => {
    const said: (readonly [string, number])[] = [];
    const progress = (text: string, done: number) => void said.push([text, done]);
    const result = await study.run({ scale: 0.5, seed: 7, progress });
    expect(said).toEqual([
      ["without it", 0],
      ["with it", 0.5],
    ]);
    expect(result).toMatchObject({ study: "outliers", title: "Outliers & lines" });
    expect(result.plots[0]?.curves[0]?.y).toEqual([1, 2]);
    expect(result.tables[0]?.rows).toEqual([["all", 7]]);
    expect(result.seconds).toBeGreaterThan(0);
    expect((await study.run()).tables[0]?.rows).toEqual([["all", 0]]);
  });

  it("stops with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(study.run({ signal })).rejects.toThrow("enough");
  });

  it.each([0, -1, Number.NaN])("refuses a scale of %d", async (scale) => {
    await expect(study.run({ scale })).rejects.toThrow(`study: expected a scale above 0, got ${scale}`);
  });
});

describe("studyReport", () => {
  it("is one page that needs nothing else: claim, findings, curves, tables", async () => {
    const html = studyReport(study, await study.run());
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain("<title>Outliers &amp; lines</title>");
    expect(html).toContain("One far point &lt;pulls&gt; a line.");
    expect(html).toContain("Somebody 1805");
    expect(html).toMatch(/It pulls by 3<\/p>.*\n.*✓ Observed in this experiment/);
    expect(html).toContain("✗ Not observed in this experiment");
    expect(html.match(/<figure>/g)).toHaveLength(1);
    expect(html).toContain("<tr><td>all</td><td>0</td></tr>");
    expect(html).toContain("tessera study outliers");
    expect(html).not.toMatch(/<script|src="http|href="http|@import/);
  });
});
