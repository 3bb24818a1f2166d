/** What makes the edges of a depth map sharp: exact labels, and a loss on gradients. */
import { defineStudy, type Finding, type Study } from "@tessera-ml/kit/studies";
import { pathOption } from "@tessera-ml/kit/training";
import * as z from "zod";
import { openDepthSets } from "../data/index.ts";
import { depthTeacher } from "../recipes/teacher.ts";
import { openSets } from "../training/measure.ts";
import { dataOptions, epochsOf, recipeOptions, scaled } from "./options.ts";
import { difference, mean, Runs, type Variant, withInterval } from "./runs.ts";

const options = z.strictObject({
  sensor: z
    .array(pathOption("folder"))
    .min(1)
    .meta({ description: "images with depth from a sensor, for a teacher of measured depth" }),
  exact: z
    .array(pathOption("folder"))
    .min(1)
    .meta({ description: "images with exact depth, such as Replica's, to measure edges on" }),
  ...dataOptions,
});

const BATCH = 16;

export const edgesStudy: Study = defineStudy({
  name: "depth-edges",
  title: "What sharpens the edges of depth",
  claim:
    "Exact synthetic labels, and a loss on the gradients of the map, give sharper edges than measured depth.",
  paper: "Yang et al. 2024, Depth Anything V2, sections 2, 3 and 5",
  minutes: 35,
  options,
  measure: async (context) => {
    const given = context.options;
    const measured = [
      { what: "accuracy", sets: await openSets(given.test) },
      { what: "edges", sets: await openSets(given.exact) },
    ] as const;
    const sensed = await Promise.all(given.sensor.map((folder) => openDepthSets(folder)));
    const count = sensed.flatMap(({ sets }) => sets).reduce((sum, { pairs }) => sum + pairs.length, 0);
    return await Runs.within(context, { seeds: given.seeds, measured, networks: 3 }, async (runs) => {
      const pairs = scaled(given.pairs, runs.scale, BATCH);
      const base = { ...recipeOptions(given), batch: BATCH };
      const synthetic = { recipe: depthTeacher, epochs: epochsOf(pairs, BATCH, runs.scale) };
      const samples = Math.min(count, scaled(count, runs.scale, BATCH));
      const variants = [
        await runs.train("teacher", () => ({ ...synthetic, options: { ...base, pairs } })),
        await runs.train("without gradient matching", () => ({
          ...synthetic,
          options: { ...base, pairs, gradientWeight: 0 },
        })),
        await runs.train("teacher of measured depth", () => ({
          recipe: depthTeacher,
          epochs: epochsOf(samples, BATCH, runs.scale),
          samples,
          options: { ...base, pairs: 0, data: given.sensor },
        })),
      ];
      return {
        plots: [
          {
            title: "AbsRel on the images to measure on",
            xLabel: "step",
            yLabel: "AbsRel",
            curves: variants.map(({ curve }) => curve),
          },
        ],
        tables: [
          {
            title: "Mean over the images and 95 % interval",
            columns: ["network", "F1 of edges", "AbsRel", "δ1"],
            rows: variants.map((variant) => [
              variant.name,
              ...["edges", "absRel", "delta1"].map((figure) => withInterval(mean(variant, figure))),
            ]),
          },
        ],
        findings: edgeFindings(variants),
      };
    });
  },
});

export function edgeFindings([teacher, blunt, sensor]: readonly Variant[]): Finding[] {
  const sharper = (a: Variant, b: Variant): Pick<Finding, "here" | "holds"> => {
    const { mean: gain, interval } = difference(a, b, "edges");
    const here = `F1 of edges ${withInterval(mean(a, "edges"))} (${a.name}) and ${withInterval(mean(b, "edges"))} (${b.name}); difference ${gain.toFixed(4)} ± ${interval.toFixed(4)} on the same images; AbsRel on measured depth ${mean(a, "absRel").mean.toFixed(3)} and ${mean(b, "absRel").mean.toFixed(3)}`;
    return { here, holds: gain - interval > 0 };
  };
  return [
    {
      paper: "Depth from sensors is blurred at edges, and networks learn that; exact synthetic depth is not.",
      ...sharper(teacher!, sensor!),
    },
    {
      paper: "Gradient matching (at twice the weight of the other loss) makes maps finer.",
      ...sharper(teacher!, blunt!),
    },
  ];
}
