/** Everything known about a network and its checkpoints. */

import { sizeOf } from "@tessera-ml/kit";
import { type Item, parametersOf } from "@tessera-ml/kit/catalogue";
import { pairs, shape, whole } from "@tessera-ml/kit/terminal";
import { paint } from "../output.ts";

/** The network, then each of its checkpoints. */
export async function showNetwork(items: readonly [Item, ...Item[]]): Promise<string> {
  const [item] = items;
  const { network } = item;
  const about = pairs([
    ["task", item.task.name],
    ["family", `${network.family}, ${network.year}`],
    ["paper", network.paper],
    ["parameters", whole(parametersOf(item))],
    ["input", network.input && shape(network.input)],
  ]);
  const blocks = [`${paint("bold", network.name)}\n${indented(about)}`];
  for (const one of items) blocks.push(await showCheckpoint(one));
  return blocks.join("\n\n");
}

async function showCheckpoint(item: Item): Promise<string> {
  const { task, name, record, path, place } = item;
  if (!record) return indented("no checkpoint: `tessera train` lists what can be trained here");
  const { formatBytes } = await import("@tessera-ml/hub");
  const { evaluation, files, source, licence, reference, note } = record;
  const bytes = item.size ?? sizeOf(record);
  const figures = Object.entries(evaluation?.metrics ?? {}).map(([metric, value]) => {
    const { label = metric, unit = "", digits = 2 } = task.metrics[metric] ?? {};
    return `${label} ${value.toFixed(digits)}${unit && ` ${unit}`}`;
  });
  const rows = pairs([
    ["measured", evaluation && `${figures.join(", ")}, on ${evaluation.dataset}`],
    ...(task.describeRecord?.(record) ?? []),
    [
      "file",
      [files.map(({ file }) => file).join(", "), bytes && formatBytes(Math.round(bytes))]
        .filter(Boolean)
        .join(", "),
    ],
    ["source", [source, files[0].url].filter(Boolean).join(", ")],
    ["licence", licence],
    ["reference", reference],
    ["note", note],
    ["where", path ? `${place}: ${path}` : howToGet(item)],
  ]);
  return `  ${paint("bold", name)}\n${indented(indented(rows))}`;
}

/** An item as JSON, with the task's own fields of the record. */
export function toJson(item: Item): object {
  const { task, name, network, record, place, path, size } = item;
  const {
    task: _,
    name: __,
    network: ___,
    files,
    evaluation,
    params: ____,
    source,
    licence,
    reference,
    note,
    ...own
  } = record ?? {};
  return {
    name,
    task: task.name,
    network: network.name,
    family: network.family,
    year: network.year,
    paper: network.paper,
    params: parametersOf(item),
    input: network.input,
    evaluation,
    licence,
    source,
    reference,
    url: files?.[0].url,
    bytes: size ?? (record && sizeOf(record)),
    place,
    path,
    ...own,
    note,
    ...task.recordJson?.(network, record),
  };
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

function howToGet({ name, record }: Item): string {
  return record?.files[0].url
    ? `not here: \`tessera pull ${name}\` downloads it`
    : "not here, and not published";
}
