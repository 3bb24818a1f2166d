/** `tessera eval`: how often a network is right. */
import { type Command, Option } from "@commander-js/extra-typings";
import type { Evaluation, EvaluationProgress } from "@tessera-ml/vision";
import { untilInterrupted } from "../errors.ts";
import { clip, duration, pairs, table, whole } from "../format.ts";
import { loadNetwork } from "../load.ts";
import { asNetwork, examples, wholeNumber } from "../options.ts";
import { clearStatus, paint, print, printJson } from "../output.ts";
import { describeProgress, hubProgress, report, stopwatch, timeLeft } from "../progress.ts";

export function evalCommand(program: Command): void {
  program
    .command("eval")
    .description("Measure how often a network is right, on a data set.")
    .argument("<model>", "a checkpoint, a network, or a checkpoint file")
    .option("-d, --data <set>", "default: what its published accuracy was measured on, or what is here")
    .addOption(new Option("--split <split>", "default: test").choices(["train", "test"] as const))
    .addOption(asNetwork.network())
    .addOption(asNetwork.section())
    .addOption(asNetwork.stripPrefix())
    .addOption(asNetwork.classes())
    .addOption(asNetwork.labels())
    .option("-l, --limit <count>", "only so many pictures, evenly spread", wholeNumber(1))
    .option("--json", "as JSON, with the count of every confusion")
    .addHelpText(
      "after",
      examples(
        ["tessera eval lenet5", "all 10,000 test digits of MNIST"],
        ["tessera eval cifar_resnet20 --limit 1000", "a quick look"],
        ["tessera eval mobilenet_v2 --data imagenet-sample", "100 photographs"],
        ["tessera eval runs/lenet5", "a network of one's own, by the folder of its run"],
      ),
    )
    .action(async (name, { data, split: wanted, limit, json, ...file }) => {
      const { evaluate } = await import("@tessera-ml/vision");
      const { chooseData, loadPictures } = await import("../pictures.ts");
      const signal = untilInterrupted();
      const classifier = await loadNetwork(name, { ...file, signal });
      const set = await chooseData(classifier, data);
      const { pictures, split } = await loadPictures(set, { split: wanted, signal, progress: hubProgress });
      const evaluation = await evaluate(classifier, pictures, {
        limit,
        signal,
        batchSize: BATCH,
        progress: progressOf(),
      });
      clearStatus();
      const measured = { data: set, split, ...evaluation };
      if (json) printJson(measured);
      else print(describe(measured));
      classifier.release();
    });
}

type Measured = Evaluation & { readonly data: string; readonly split: string | undefined };

/** Pictures that the network sees at once. */
const BATCH = 50;
/** Classes of which a whole matrix is shown; of more only the commonest mistakes. */
const MOST = 12;
const MISTAKES = 8;

function progressOf(): (progress: EvaluationProgress) => void {
  const watch = stopwatch();
  return ({ done, total, top1 }) => {
    const { perSecond, secondsLeft } = watch(done, total);
    const rest = [`top-1 ${top1.toFixed(1)} %`, `${perSecond.toFixed(0)} pictures/s`, timeLeft(secondsLeft)];
    report(describeProgress(`${done} of ${total}`, done / total, rest));
  };
}

function describe(measured: Measured): string {
  const { model, data, split, count, top1, top5, error, imagesPerSecond, seconds, matrix, classes } =
    measured;
  const summary = pairs([
    ["network", model],
    ["data", `${[data, split].filter(Boolean).join(", ")}: ${whole(count)} pictures`],
    ["top-1", `${top1.toFixed(2)} %, an error of ${error.toFixed(2)} %`],
    ["top-5", `${top5.toFixed(2)} %`],
    [
      "speed",
      `${imagesPerSecond.toFixed(0)} pictures/s in the network; ${duration(seconds)} with all around it`,
    ],
  ]);
  const details = matrix && classes.length <= MOST ? showMatrix(matrix, measured) : showMistakes(measured);
  return details ? `${summary}\n\n${details}` : summary;
}

function showMatrix(matrix: readonly (readonly number[])[], { classes }: Measured): string {
  const rows = classes.map(({ index, label }) => [
    label,
    ...classes.map((seen) => String(matrix[index]?.[seen.index] || "·")),
  ]);
  return table(
    [
      { title: "IS ↓ SEEN AS →" },
      ...classes.map(({ label }) => ({ title: clip(label, 7), align: "right" as const })),
    ],
    rows,
    (text) => paint("bold", text),
    (text, column, row) => (column === 0 ? text : paint(column - 1 === row ? "green" : "reset", text)),
  );
}

function showMistakes({ confusions }: Measured): string {
  if (confusions.length === 0) return "";
  return table(
    [{ title: "IS" }, { title: "SEEN AS" }, { title: "PICTURES", align: "right" }],
    confusions.slice(0, MISTAKES).map(({ truth, predicted, count }) => [truth, predicted, String(count)]),
    (text) => paint("bold", text),
  );
}
