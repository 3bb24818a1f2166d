/** `tessera classify`: what pictures show. */
import { basename } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import type { Image } from "@tessera-ml/media";
import type { Classification, ImageClassifier } from "@tessera-ml/vision";
import { describeError, untilInterrupted } from "../errors.ts";
import { findInputs, type Input } from "../inputs.ts";
import { checkOneModel, loadNetworks } from "../load.ts";
import { asNetwork, examples, several, wholeNumber } from "../options.ts";
import { complain, print, toTerminal } from "../output.ts";
import { describeProgress, report, stopwatch, timeLeft } from "../progress.ts";
import { showAnswer, showClassifications } from "../show/classification.ts";

/** Pictures that are decoded while the ones before them are classified. */
const BATCH = 8;

export function classifyCommand(program: Command): void {
  program
    .command("classify")
    .description("Say what pictures show.")
    .argument("<inputs...>", "files, folders, patterns, http(s) addresses, - for the standard input")
    .option("-m, --model <name>", "network or checkpoint file; again for a comparison", several)
    .addOption(asNetwork.network())
    .addOption(asNetwork.section())
    .addOption(asNetwork.stripPrefix())
    .addOption(asNetwork.classes())
    .addOption(asNetwork.labels())
    .option("-t, --top <count>", "classes shown for each picture", wholeNumber(1, 1001), 5)
    .option("--tolerant", "read what is there of pictures that were cut short")
    .option("--json", "one JSON array instead of lines")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera classify photo.jpg", "with the best network on this machine"],
          ["tessera classify photo.jpg -m resnet18 -m mobilenet_v2", "two networks compared"],
          ["tessera classify holiday/ --top 1", "every picture of a folder"],
          ["curl -s https://example.org/a.jpg | tessera classify -", "a picture from a pipe"],
          ["tessera classify digit.png -m lenet5", "a handwritten digit"],
          ["tessera classify *.jpg | jq -r .predictions[0].label", "a pipe gets JSON lines"],
          ["tessera classify a.png -m model.pth -n resnet18", "a checkpoint file of one's own"],
          ["tessera classify a.png -m pets.pth --labels pets.txt", "with classes of one's own"],
        ),
        "",
        "`tessera models --here` lists the networks that are on this machine, `tessera pull NAME` brings another.",
        "A picture that cannot be read is reported, the others go on, and the exit code is 1.",
      ].join("\n"),
    )
    .action(async (words, { model: models = [], top, json, tolerant, ...file }) => {
      checkOneModel(models, file);
      const inputs = await findInputs(words);
      for (const input of inputs) if ("error" in input) fail(`${input.name}: ${input.error}`);
      const pictures = inputs.filter((input) => "source" in input);
      if (pictures.length === 0) return;
      const signal = untilInterrupted();
      const networks = await loadNetworks(models, { ...file, signal });
      // Meanwhile the pictures are decoded. What fails here fails again, and is told, when the network is asked.
      for (const network of networks) network.warmUp(Math.min(BATCH, pictures.length)).catch(() => undefined);
      const all: object[] = [];
      const widest = Math.max(...pictures.map(({ name }) => basename(name).length));
      const brief = top === 1 && networks.length === 1;
      for await (const { name, results } of classifyAll(pictures, networks, { top, tolerant }, signal)) {
        if (json) all.push(...results.map((result) => ({ input: name, ...result })));
        else if (!toTerminal())
          for (const result of results) print(JSON.stringify({ input: name, ...result }));
        else if (brief) print(showAnswer(name, results[0] as Classification, widest));
        else print(showClassifications(name, results));
      }
      if (json) print(JSON.stringify(all, undefined, 2));
    });
}

function fail(message: string): void {
  complain(message);
  process.exitCode = 1;
}

type Source = Extract<Input, { source: unknown }>;

interface Result {
  readonly name: string;
  /** One for each network. */
  readonly results: readonly Classification[];
}

/** Batches of pictures; the next one is decoded while the one before is classified. */
async function* classifyAll(
  sources: readonly Source[],
  networks: readonly ImageClassifier[],
  { top, tolerant = false }: { readonly top: number; readonly tolerant?: boolean | undefined },
  signal: AbortSignal,
): AsyncGenerator<Result> {
  const { readImage } = await import("@tessera-ml/media");
  const decode = (batch: readonly Source[]) =>
    Promise.allSettled(batch.map(({ name, source }) => readImage(source, { mode: "file", name, tolerant })));
  const watch = stopwatch();
  let next = decode(sources.slice(0, BATCH));
  for (let at = 0; at < sources.length; at += BATCH) {
    const decoded = await next;
    next = decode(sources.slice(at + BATCH, at + 2 * BATCH));
    const read: { name: string; image: Image }[] = [];
    for (const [i, result] of decoded.entries()) {
      const { name } = sources[at + i] as Source;
      if (result.status === "fulfilled") read.push({ name, image: result.value });
      else fail(named(name, describeUnread(result.reason, tolerant)));
    }
    signal.throwIfAborted();
    const rows: (Classification | undefined)[][] = [];
    for (const network of networks) rows.push(await askEach(network, read, top));
    for (const [i, { name }] of read.entries()) {
      const results = rows.flatMap((row) => row[i] ?? []);
      if (results.length > 0) yield { name, results };
    }
    const done = Math.min(sources.length, at + BATCH);
    const { perSecond, secondsLeft } = watch(done, sources.length);
    if (done < sources.length)
      report(
        describeProgress(`${done} of ${sources.length} pictures`, done / sources.length, [
          `${perSecond.toFixed(1)}/s`,
          timeLeft(secondsLeft),
        ]),
      );
  }
}

/** The network's answers; undefined for pictures that it cannot be asked about, such as one without a digit. */
async function askEach(
  network: ImageClassifier,
  pictures: readonly { name: string; image: Image }[],
  top: number,
): Promise<(Classification | undefined)[]> {
  try {
    return await network.classifyAll(
      pictures.map(({ image }) => image),
      { top },
    );
  } catch {
    // One of them is to blame: each is asked alone.
    const answers: (Classification | undefined)[] = [];
    for (const { name, image } of pictures)
      answers.push(
        await network.classify(image, { top }).catch((error: unknown) => {
          fail(named(name, describeError(error)));
          return undefined;
        }),
      );
    return answers;
  }
}

function describeUnread(error: unknown, tolerant: boolean): string {
  const isCut = error instanceof Error && "code" in error && error.code === "cut-short";
  return describeError(error) + (isCut && !tolerant ? " (--tolerant reads what is there)" : "");
}

/** Messages of a network name no file. */
function named(name: string, message: string): string {
  return message.includes(name) ? message : `${name}: ${message}`;
}
