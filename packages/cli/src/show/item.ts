/** All that is known of a network and its checkpoints. */
import type { Preprocessing } from "@tessera-ml/vision";
import type { Item } from "../catalog.ts";
import { pairs, shape, whole } from "../format.ts";
import { paint } from "../output.ts";

/** The network once, then each of its checkpoints among the items. */
export async function showNetwork(items: readonly [Item, ...Item[]]): Promise<string> {
  const { parametersOf } = await import("../catalog.ts");
  const [item] = items;
  const { entry } = item;
  const about = pairs([
    ["family", `${entry.family}, ${entry.year}`],
    ["paper", entry.paper],
    ["parameters", whole(parametersOf(item))],
    ["input", shape([entry.channels, entry.inputSize, entry.inputSize])],
  ]);
  const blocks = [`${paint("bold", entry.name)}\n${indented(about)}`];
  for (const one of items) blocks.push(await showCheckpoint(one));
  return blocks.join("\n\n");
}

async function showCheckpoint(item: Item): Promise<string> {
  const { name, record, path, place } = item;
  if (!record)
    return indented("no checkpoint has this network: `tessera train` lists what can be trained here");
  const { sizeOf } = await import("../catalog.ts");
  const { formatBytes } = await import("@tessera-ml/hub");
  const { accuracyOf } = await import("@tessera-ml/vision");
  const { classes, files, preprocessing, source, licence, reference, note } = record;
  const accuracy = accuracyOf(record);
  const top5 = accuracy?.top5 === undefined ? "" : `, top-5 ${accuracy.top5.toFixed(2)} %`;
  const bytes = sizeOf(item);
  const rows = pairs([
    ["classes", `${whole(classes.count)} (${classes.labels})`],
    ["accuracy", accuracy && `top-1 ${accuracy.top1.toFixed(2)} %${top5}, ${accuracy.dataset}`],
    ["preprocessing", describePreprocessing(preprocessing)],
    [
      "file",
      [...files.map(({ file }) => file), bytes && formatBytes(Math.round(bytes))].filter(Boolean).join(", "),
    ],
    ["source", [source, ...files.map(({ url }) => url)].filter(Boolean).join(", ")],
    ["licence", licence],
    ["reference", reference],
    ["note", note],
    ["where", path ? `${place}: ${path}` : howToGet(item)],
  ]);
  return `  ${paint("bold", name)}\n${indented(indented(rows))}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

function howToGet({ name, record }: Item): string {
  return record?.files[0].url
    ? `not here: \`tessera pull ${name}\` brings it`
    : "not here, and published nowhere";
}

function describePreprocessing({
  library,
  interpolation,
  resize,
  crop,
  mean,
  std,
  centralFraction,
}: Preprocessing): string {
  const steps = [
    centralFraction !== undefined && `the middle ${100 * centralFraction} %`,
    resize !== undefined &&
      (typeof resize === "number" ? `shorter side to ${resize}` : `resized to ${resize.join(" × ")}`),
    crop !== undefined && `${crop.join(" × ")} out of the middle`,
    `${interpolation} as ${library} does it`,
    `mean ${mean.join(" ")}, deviation ${std.join(" ")}`,
  ];
  return steps.filter(Boolean).join("; ");
}
