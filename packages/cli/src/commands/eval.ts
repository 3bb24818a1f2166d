/** `tessera eval`: how often a network is right. */
import { type Command, Option } from "@commander-js/extra-typings";
import { untilInterrupted } from "../errors.ts";
import type { Evaluation } from "../evaluate.ts";
import { clip, pairs, table } from "../format.ts";
import { loadNetwork } from "../load.ts";
import { examples, wholeNumber } from "../options.ts";
import { clearStatus, paint, print, printJson } from "../output.ts";
import { describeProgress, hubProgress, report, stopwatch, timeLeft } from "../progress.ts";

export function evalCommand(program: Command): void {
  program
    .command("eval")
    .description("Measure how often a network is right, on a data set.")
    .argument("<model>", "a checkpoint, a network, or a checkpoint file")
    .option("-d, --data <set>", "default: what its published accuracy was measured on, or what is here")
    .addOption(new Option("--split <split>", "default: test").choices(["train", "test"] as const))
    .option("-n, --network <name>", "what a checkpoint file is to be loaded into")
    .option("-l, --limit <count>", "only so many pictures, evenly spread", wholeNumber(1))
    .option("--json", "as JSON, with every mistake")
    .addHelpText(
      "after",
      examples(
        ["tessera eval lenet5", "all 10,000 test digits of MNIST"],
        ["tessera eval cifar_resnet20 --limit 1000", "a quick look"],
        ["tessera eval mobilenet_v2 --data imagenet-sample", "100 photographs"],
        ["tessera eval runs/lenet5/model.safetensors", "a network of one's own"],
      ),
    )
    .action(async (name, { data, split, network, limit, json }) => {
      const { chooseData, evaluate, openExamples } = await import("../evaluate.ts");
      const signal = untilInterrupted();
      const classifier = await loadNetwork(name, { network, signal });
      const set = await chooseData(classifier, data);
      const examples = await openExamples(classifier, set, { split, signal, progress: await hubProgress() });
      const total = Math.min(limit ?? examples.count, examples.count);
      const watch = stopwatch(total);
      const evaluation = await evaluate(classifier, examples, {
        limit,
        signal,
        progress: (done) => {
          const { perSecond, secondsLeft } = watch(done);
          const rest = [`${perSecond.toFixed(0)} pictures/s`, timeLeft(secondsLeft)];
          report(describeProgress(`${done} of ${total}`, done / total, rest));
        },
      });
      clearStatus();
      if (json) printJson(toJson(evaluation));
      else print(describe(evaluation));
      classifier.release();
    });
}

/** Classes of which a whole matrix is shown; of more only the commonest mistakes. */
const MOST = 12;
const MISTAKES = 8;

function describe(evaluation: Evaluation): string {
  const { model, data, split, pictures, top1, top5, picturesPerSecond, labels } = evaluation;
  const summary = pairs([
    ["network", model],
    ["data", `${[data, split].filter(Boolean).join(", ")}: ${pictures} pictures`],
    ["top-1", `${top1.toFixed(2)} %`],
    ["top-5", `${top5.toFixed(2)} %`],
    ["speed", `${picturesPerSecond.toFixed(0)} pictures/s`],
  ]);
  const details = labels.length <= MOST ? matrix(evaluation) : mistakes(evaluation);
  return details ? `${summary}\n\n${details}` : summary;
}

function matrix({ labels, confusion }: Evaluation): string {
  const rows = confusion.map((row, i) => [
    labels[i] as string,
    ...row.map((value) => (value ? String(value) : "·")),
  ]);
  return table(
    [
      { title: "IS ↓ SEEN AS →" },
      ...labels.map((label) => ({ title: clip(label, 7), align: "right" as const })),
    ],
    rows,
    (text) => paint("bold", text),
    (text, column, row) => (column === 0 ? text : paint(column - 1 === row ? "green" : "reset", text)),
  );
}

/** Classes taken for others, the commonest first. */
function mistakesOf({ labels, confusion }: Evaluation): { is: string; seenAs: string; pictures: number }[] {
  const found = confusion.flatMap((row, is) =>
    row.flatMap((pictures, seen) =>
      is === seen || pictures === 0
        ? []
        : [{ is: labels[is] as string, seenAs: labels[seen] as string, pictures }],
    ),
  );
  return found.toSorted((a, b) => b.pictures - a.pictures);
}

function mistakes(evaluation: Evaluation): string {
  const worst = mistakesOf(evaluation).slice(0, MISTAKES);
  if (worst.length === 0) return "";
  return table(
    [{ title: "IS" }, { title: "SEEN AS" }, { title: "PICTURES", align: "right" }],
    worst.map(({ is, seenAs, pictures }) => [is, seenAs, String(pictures)]),
    (text) => paint("bold", text),
  );
}

/** The matrix of a thousand classes is a million numbers, nearly all of them 0: mistakes say the same. */
function toJson(evaluation: Evaluation): object {
  const { labels: _, confusion: __, ...figures } = evaluation;
  return { ...figures, mistakes: mistakesOf(evaluation) };
}
