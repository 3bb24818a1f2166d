/** Whether a student that learns from its teacher's maps of photographs surpasses it, and what that takes. */
import { defineStudy, type Finding, type Study, type Table } from "@tessera-ml/kit/studies";
import { pathOption } from "@tessera-ml/kit/training";
import * as z from "zod";
import { DepthEstimator } from "../estimator.ts";
import { pseudoLabel } from "../pseudo-label/index.ts";
import { depthStudent } from "../recipes/student.ts";
import { depthTeacher } from "../recipes/teacher.ts";
import { openSets } from "../training/measure.ts";
import { dataOptions, epochsOf, recipeOptions, scaled } from "./options.ts";
import { bySeed, difference, type Job, mean, Runs, type Variant, withInterval } from "./runs.ts";

const options = z.strictObject({
  photos: pathOption("folder").meta({ description: "the photographs that the teacher labels" }),
  ...dataOptions,
});
type Options = z.output<typeof options>;

/** Images of one step: as many for every network, so that all see equally many. */
const IMAGES = 24;

/** The networks of V1's ablations, by what the student's recipe is told. */
const STUDENTS = {
  student: {},
  "without perturbation": { perturb: false },
  "without CutMix": { cutmix: 0 },
  "without feature alignment": { align: false },
} as const;

export const studentStudy: Study = defineStudy({
  name: "depth-student",
  title: "A student of depth against its teacher",
  claim:
    "A network that learns from its teacher's maps of unlabelled photographs, strongly perturbed, becomes better than the teacher.",
  paper:
    "Yang et al. 2024, Depth Anything: Unleashing the Power of Large-Scale Unlabeled Data, sections 3.2 and 4.5; Yang et al. 2024, Depth Anything V2, section 5",
  minutes: 110,
  options,
  measure: async (context) => {
    const given = context.options;
    const measured = [{ what: "accuracy", sets: await openSets(given.test) }] as const;
    return await Runs.within(context, { seeds: given.seeds, measured, networks: 7 }, async (runs) => {
      const variants = await trainAll(runs, given);
      return {
        plots: [
          {
            title: "AbsRel on the images to measure on",
            xLabel: "step",
            yLabel: "AbsRel",
            curves: variants.map(({ curve }) => curve),
          },
        ],
        tables: [accuracyTable(variants)],
        findings: studentFindings(variants),
      };
    });
  },
});

async function trainAll(runs: Runs, given: Options): Promise<Variant[]> {
  const { scale } = runs;
  const pairs = scaled(given.pairs, scale, IMAGES);
  const base = { ...recipeOptions(given), pairs };
  const teach = (batch: number): Job => ({
    recipe: depthTeacher,
    epochs: epochsOf(pairs, batch, scale),
    options: { ...base, batch },
  });
  const teacher = await runs.train("teacher", () => teach(16));
  const labelsOf = async (seed: number) => {
    const out = runs.folderOf("labels", seed);
    runs.say("labelling the photographs", runs.done);
    const estimator = await DepthEstimator.load(runs.folderOf("teacher", seed));
    const { files } = await pseudoLabel({
      ...{ images: given.photos, out, estimator, signal: runs.signal },
      shorterSide: 2 * given.size,
    });
    estimator.release();
    return { labels: [out], count: files.length };
  };
  const students: Variant[] = [];
  for (const [name, changes] of Object.entries(STUDENTS))
    students.push(
      await runs.train(name, async (seed) => ({
        recipe: depthStudent,
        // A third of the images of a step are labelled.
        epochs: epochsOf(pairs, IMAGES / 3, scale),
        options: { ...base, batch: IMAGES, labels: (await labelsOf(seed)).labels, ...changes },
      })),
    );
  const labelled = await runs.train("labelled only", () => teach(IMAGES));
  const photographs = await runs.train("photographs only (V2)", async (seed) => {
    const { labels, count } = await labelsOf(seed);
    const seen = Math.min(count, scaled(count, scale, IMAGES));
    return {
      recipe: depthStudent,
      epochs: epochsOf(seen, IMAGES, scale),
      samples: seen,
      options: { ...base, batch: Math.min(IMAGES, seen), labels, variant: "v2" },
    };
  });
  return [teacher, ...students, labelled, photographs];
}

function accuracyTable(variants: readonly Variant[]): Table {
  const teacher = variants[0]!;
  return {
    title: "Mean over the images and 95 % interval; the difference is that on the same images",
    columns: ["network", "AbsRel", "δ1", "AbsRel minus the teacher's", "AbsRel of each run"],
    rows: variants.map((variant) => [
      variant.name,
      withInterval(mean(variant, "absRel")),
      withInterval(mean(variant, "delta1")),
      variant === teacher ? "" : withInterval(difference(variant, teacher, "absRel"), 4),
      bySeed(variant, "absRel")
        .map((value) => value.toFixed(4))
        .join(", "),
    ]),
  };
}

export function studentFindings(variants: readonly Variant[]): Finding[] {
  const of = (name: string) => variants.find((variant) => variant.name === name)!;
  const student = of("student");
  /** Whether `a` has the smaller error, beyond the 95 % interval of the difference. */
  const better = (a: Variant, b: Variant): Pick<Finding, "here" | "holds"> => {
    const { mean: gain, interval } = difference(a, b, "absRel");
    const seen = `AbsRel ${withInterval(mean(a, "absRel"))} (${a.name}) and ${withInterval(mean(b, "absRel"))} (${b.name}); δ1 ${mean(a, "delta1").mean.toFixed(3)} and ${mean(b, "delta1").mean.toFixed(3)}; difference ${gain.toFixed(4)} ± ${interval.toFixed(4)} on the same images`;
    return { here: seen, holds: gain + interval < 0 };
  };
  return [
    {
      paper:
        "The student, trained on labelled images and on pseudo-labelled ones, is better than its teacher.",
      ...better(student, of("teacher")),
    },
    {
      paper: "It is better than a network that sees as many images, all of them labelled.",
      ...better(student, of("labelled only")),
    },
    {
      paper: "Strong perturbations make the difference: without them, pseudo-labels add little.",
      ...better(student, of("without perturbation")),
    },
    { paper: "CutMix is one of the perturbations that help.", ...better(student, of("without CutMix")) },
    {
      paper: "Keeping the features close to those of the frozen encoder helps.",
      ...better(student, of("without feature alignment")),
    },
    {
      paper:
        "V2: a student of pseudo-labelled photographs alone is better than one trained on synthetic images (ViT-S on DA-2K: 95.3 % against 89.8 %).",
      ...better(of("photographs only (V2)"), of("labelled only")),
    },
  ];
}
