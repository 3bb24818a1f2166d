/** `tessera inspect`: the contents of a checkpoint file, or a network layer by layer. */
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask, NetworkFit } from "@tessera-ml/kit";
import { count, pairs, shape, table, whole } from "@tessera-ml/kit/terminal";
import type { Checkpoint, OpenCheckpointOptions } from "@tessera-ml/nn";
import { isFile } from "../checkpoints.ts";
import { UsageError } from "../errors.ts";
import { examples, inFile } from "../options.ts";
import { paint, print, printJson } from "../output.ts";

export function inspectCommand(program: Command, tasks: readonly AnyTask[]): void {
  program
    .command("inspect")
    .description("Show the contents of a checkpoint file, or a network layer by layer.")
    .argument("<what>", "a file (.safetensors, .pt, .pth, .ckpt, .pt2, .npz), its http(s) URL, or a network")
    .option("-k, --keys <text>", "only tensors or layers whose name contains this")
    .addOption(inFile.section())
    .addOption(inFile.stripPrefix())
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera inspect resnet18-f37072fd.pth", "keys, shapes, types, and the network they fit"],
          ["tessera inspect model.safetensors --keys head", "only the head"],
          ["tessera inspect run.ckpt --section ema", "the averaged weights of a training run"],
          ["tessera inspect vgg16", "layers with shapes, parameters, MACs, receptive field"],
        ),
        "",
        "Only the header of a file is read, and nothing in it is executed.",
      ].join("\n"),
    )
    .action(async (what, { keys = "", json = false, ...place }) => {
      if (isFile(what) || /^https?:/.test(what))
        await inspectFile(tasks, what, keys, json, { section: place.section, under: place.stripPrefix });
      else if (place.section !== undefined || place.stripPrefix !== undefined)
        throw new UsageError(`--section and --strip-prefix need a checkpoint file; there is no file ${what}`);
      else await inspectNetwork(tasks, what, keys, json);
    });
}

async function inspectFile(
  tasks: readonly AnyTask[],
  path: string,
  keys: string,
  json: boolean,
  place: OpenCheckpointOptions,
): Promise<void> {
  const { openCheckpoint } = await import("@tessera-ml/nn");
  const checkpoint = await openCheckpoint(path, place);
  try {
    await printCheckpoint(tasks, checkpoint, path, keys, json);
  } finally {
    await checkpoint.close();
  }
}

async function printCheckpoint(
  tasks: readonly AnyTask[],
  checkpoint: Checkpoint,
  path: string,
  keys: string,
  json: boolean,
): Promise<void> {
  const { formatBytes } = await import("@tessera-ml/hub");
  const { fitNetworks, ownersOf } = await import("@tessera-ml/kit");
  const tensors = checkpoint.names().map((name) => checkpoint.get(name));
  const catalogues = await Promise.all(ownersOf(tasks).map((task) => task.catalogue()));
  // Exact matches of any task come before near ones.
  const guesses = catalogues
    .flatMap(({ networks }) => fitNetworks(networks, checkpoint))
    .toSorted((a, b) => Number(b.exact) - Number(a.exact))
    .slice(0, 5);
  const chosen = tensors.filter(({ name }) => name.includes(keys));
  const sum = (key: "size" | "byteLength") => tensors.reduce((total, tensor) => total + tensor[key], 0);
  const total = { tensors: tensors.length, numbers: sum("size"), bytes: sum("byteLength") };
  if (json) {
    const { format, section, otherSections, metadata, leftOut } = checkpoint;
    return printJson({
      file: path,
      format,
      section,
      otherSections,
      metadata: Object.fromEntries(metadata),
      leftOut,
      numbers: total.numbers,
      bytes: total.bytes,
      networks: guesses,
      tensors: chosen.map(({ name, dtype, shape, byteLength }) => ({
        name,
        dtype,
        shape,
        bytes: byteLength,
      })),
    });
  }
  const rows = chosen.map(({ name, dtype, shape: dims, byteLength }) => [
    name,
    shape(dims),
    dtype,
    formatBytes(byteLength),
  ]);
  print(
    table(
      [{ title: "KEY" }, { title: "SHAPE" }, { title: "TYPE" }, { title: "SIZE", align: "right" }],
      rows,
      (text) => paint("bold", text),
    ),
  );
  print(`\n${await summary(checkpoint, path, total, guesses)}`);
}

async function summary(
  { format, section, otherSections, metadata, leftOut }: Checkpoint,
  path: string,
  { tensors, numbers, bytes }: { tensors: number; numbers: number; bytes: number },
  guesses: readonly NetworkFit[],
): Promise<string> {
  const { formatBytes } = await import("@tessera-ml/hub");
  const exact = guesses
    .filter((guess) => guess.exact)
    .map(({ network, source, classes, prefix }) => {
      const details = [
        `${source} names`,
        ...(prefix ? [`after ${prefix}`] : []),
        ...(classes === undefined ? [] : [`${classes} classes`]),
      ];
      return `${network} (${details.join(", ")})`;
    });
  const copies = guesses.find((guess) => guess.exact)?.copies ?? [];
  const near = guesses.map(
    ({ network, matched, missing, unexpected }) =>
      `${network} (${matched} of ${matched + missing} keys, ${unexpected} unexpected)`,
  );
  return pairs([
    ["file", path],
    ["format", section ? `${format}, under ${section}` : format],
    ["contents", `${whole(tensors)} tensors, ${whole(numbers)} numbers, ${formatBytes(bytes)}`],
    ["sections", otherSections.length > 0 ? `also ${showSections(otherSections)} (--section)` : undefined],
    ["copies", copies.length > 0 ? `of the network under ${copies.join(", ")} (--strip-prefix)` : undefined],
    ["left out", leftOut.length > 0 ? leftOut.join(", ") : undefined],
    ...[...metadata].map(([key, value]) => [`metadata ${key}`, value] as const),
    ["fits", exact.length > 0 ? exact.join(", ") : "no known network"],
    ["closest", exact.length === 0 && near.length > 0 ? near.join("; ") : undefined],
  ]);
}

function showSections(sections: readonly string[]): string {
  return sections.map((section) => section || "the top level").join(", ");
}

async function inspectNetwork(
  tasks: readonly AnyTask[],
  name: string,
  keys: string,
  json: boolean,
): Promise<void> {
  const { itemsNamed, listItems } = await import("@tessera-ml/kit/catalogue");
  const { profile } = await import("@tessera-ml/nn/inspect");
  const { toJson } = await import("../show/item.ts");
  const [item] = itemsNamed(await listItems(tasks), name);
  if (!item) return;
  const { network, record, task } = item;
  if (!network.input)
    throw new UsageError(`${network.name}: without a default input shape, its layers cannot be listed`);
  const input = [1, ...network.input];
  const module = (await task.build?.(network, record)) ?? network.create();
  const layers = profile(module.eval(), input);
  const chosen = layers.filter(({ path }) => path.includes(keys));
  if (json) return printJson({ ...toJson(item), layers: chosen });
  const rows = chosen.map((layer) => [
    layer.path,
    layer.type,
    shape(layer.outputShape),
    layer.params ? whole(layer.params) : "",
    layer.macs ? count(layer.macs) : "",
    layer.receptiveField === null ? "all" : String(layer.receptiveField),
  ]);
  print(
    table(
      [
        { title: "LAYER" },
        { title: "TYPE" },
        { title: "OUTPUT" },
        { title: "PARAMS", align: "right" },
        { title: "MACS", align: "right" },
        { title: "FIELD", align: "right" },
      ],
      rows,
      (text) => paint("bold", text),
    ),
  );
  const sum = (key: "params" | "macs") => layers.reduce((total, layer) => total + layer[key], 0);
  print(
    `\n${pairs([
      ["network", `${network.name} (${network.family}, ${network.year}): ${network.paper}`],
      ["input", shape(input)],
      ["parameters", whole(sum("params"))],
      ["MACs", `${count(sum("macs"))} for one input`],
    ])}`,
  );
}
