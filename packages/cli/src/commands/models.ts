/** `tessera models`: networks, their checkpoints, and where those are. */
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import type { Item } from "@tessera-ml/kit/catalogue";
import { count, table } from "@tessera-ml/kit/terminal";
import { UsageError } from "../errors.ts";
import { examples } from "../options.ts";
import { note, paint, print, printJson } from "../output.ts";
import { showNetwork, toJson } from "../show/item.ts";

export function modelsCommand(program: Command, tasks: readonly AnyTask[]): void {
  program
    .command("models")
    .description("List networks and their checkpoints, or describe one.")
    .argument("[name]", "checkpoint or network to describe")
    .option("--task <name>", "only this task: image-classification, …")
    .option("-f, --family <name>", "only this family: ResNet, ViT, …")
    .option("--here", "only what is on this machine")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera models", "everything, oldest first"],
          ["tessera models --here", "what is ready to use"],
          ["tessera models --family densenet", "one family"],
          ["tessera models resnet50", "every checkpoint of a network in detail"],
        ),
        "",
        "WHERE: shipped with Tessera, in the cache, in the shared folder, absent (`tessera pull` downloads it), or",
        "untrained (a network without a checkpoint).",
      ].join("\n"),
    )
    .action(async (name, { task, family, here, json }) => {
      const { itemsNamed, listItems } = await import("@tessera-ml/kit/catalogue");
      const all = await listItems(task === undefined ? tasks : [ownerOf(tasks, task)]);
      const named = name === undefined ? all : itemsNamed(all, name);
      const items = ofFamily(named, family).filter(({ place }) => !here || !/absent|untrained/.test(place));
      if (json) return printJson(items.map(toJson));
      if (name === undefined) return await printTables(items);
      for (const of of Map.groupBy(items, ({ network }) => network).values())
        print(await showNetwork(of as [Item, ...Item[]]));
    });
}

/** The task whose checkpoints the named one uses. */
function ownerOf(tasks: readonly AnyTask[], name: string): AnyTask {
  const task = taskNamed(tasks, name);
  return task.checkpoints === undefined ? task : taskNamed(tasks, task.checkpoints);
}

export function taskNamed(tasks: readonly AnyTask[], name: string): AnyTask {
  const found = tasks.find((task) => task.name === name || task.command === name);
  if (found) return found;
  throw new UsageError(
    `no task ${JSON.stringify(name)}; expected one of ${tasks.map((task) => task.name).join(", ")}`,
  );
}

function ofFamily(items: readonly Item[], family: string | undefined): readonly Item[] {
  if (family === undefined) return items;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const found = items.filter(({ network }) => plain(network.family) === plain(family));
  if (found.length > 0) return found;
  const families = [...new Set(items.map(({ network }) => network.family))];
  throw new UsageError(`no family ${JSON.stringify(family)}; expected one of ${families.join(", ")}`);
}

/** A table for each task, under its title if there are several. */
async function printTables(items: readonly Item[]): Promise<void> {
  if (items.length === 0)
    return note("No checkpoint is on this machine. `tessera pull mobilenet_v2` downloads one (14 MB).");
  const byTask = Map.groupBy(items, ({ task }) => task);
  const { parametersOf } = await import("@tessera-ml/kit/catalogue");
  for (const [task, list] of byTask) {
    if (byTask.size > 1) print(`${task === items[0]?.task ? "" : "\n"}${paint("bold", task.title)}`);
    print(tableOf(task, list, parametersOf));
  }
}

function tableOf(task: AnyTask, items: readonly Item[], parametersOf: (item: Item) => number): string {
  const [first] = Object.entries(task.metrics);
  const rows = items.map((item) => {
    const { name, network, record, place } = item;
    const value = first && record?.evaluation?.metrics[first[0]];
    return [
      name,
      network.family,
      String(network.year),
      count(parametersOf(item)),
      ...(first
        ? [value === undefined ? "–" : figure(value, first[1]), record?.evaluation?.dataset ?? "–"]
        : []),
      record?.licence ?? "–",
      place,
    ];
  });
  const columns = [
    { title: "NAME" },
    { title: "FAMILY" },
    { title: "YEAR" },
    { title: "PARAMS", align: "right" as const },
    ...(first ? [{ title: first[1].label.toUpperCase(), align: "right" as const }, { title: "ON" }] : []),
    { title: "LICENCE" },
    { title: "WHERE" },
  ];
  return table(
    columns,
    rows,
    (text) => paint("bold", text),
    (text, column, row) => paintCell(text, column, columns.length, items[row]?.place ?? "absent"),
  );
}

/** A figure with its unit. */
export function figure(
  value: number,
  { unit, digits = 2 }: { readonly unit?: string; readonly digits?: number },
): string {
  return [value.toFixed(digits), unit].filter(Boolean).join(" ");
}

function paintCell(text: string, column: number, count: number, place: Item["place"]): string {
  const isHere = place !== "absent" && place !== "untrained";
  if (column === 0) return paint(isHere ? "bold" : "reset", text);
  if (column !== count - 1) return text;
  return paint(isHere ? "green" : "dim", text);
}
