/** `tessera models`: what networks there are, and where their checkpoints lie. */
import type { Command } from "@commander-js/extra-typings";
import type { Item } from "../catalog.ts";
import { UsageError } from "../errors.ts";
import { count, table } from "../format.ts";
import { examples } from "../options.ts";
import { note, paint, print, printJson } from "../output.ts";
import { showNetwork } from "../show/item.ts";

export function modelsCommand(program: Command): void {
  program
    .command("models")
    .description("List networks and their checkpoints, or explain one.")
    .argument("[name]", "a checkpoint or a network, to see all that is known of it")
    .option("-f, --family <name>", "only this family: ResNet, ViT, …")
    .option("--here", "only what is on this machine")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera models", "the whole lineage, oldest first"],
          ["tessera models --here", "what can be used at once"],
          ["tessera models --family densenet", "one family"],
          ["tessera models resnet50", "every checkpoint of a network in detail"],
        ),
        "",
        "WHERE: shipped with Tessera, in the cache, in the shared folder, absent (`tessera pull` brings it), or",
        "untrained (a network without a checkpoint).",
      ].join("\n"),
    )
    .action(async (name, { family, here, json }) => {
      const { itemsNamed, listItems, toJson } = await import("../catalog.ts");
      const all = await listItems();
      const named = name === undefined ? all : itemsNamed(all, name);
      const items = ofFamily(named, family).filter(({ place }) => !here || !/absent|untrained/.test(place));
      if (json) return printJson(items.map(toJson));
      if (name === undefined) return await printTable(items);
      for (const of of Map.groupBy(items, ({ entry }) => entry.name).values())
        print(await showNetwork(of as [Item, ...Item[]]));
    });
}

function ofFamily(items: readonly Item[], family: string | undefined): readonly Item[] {
  if (family === undefined) return items;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const found = items.filter(({ entry }) => plain(entry.family) === plain(family));
  if (found.length > 0) return found;
  const families = [...new Set(items.map(({ entry }) => entry.family))];
  throw new UsageError(`no family ${JSON.stringify(family)}; there are ${families.join(", ")}`);
}

async function printTable(items: readonly Item[]): Promise<void> {
  const { parametersOf } = await import("../catalog.ts");
  const { accuracyOf } = await import("@tessera-ml/vision");
  if (items.length === 0)
    return note("None is on this machine. `tessera pull mobilenet_v2` brings one (14 MB).");
  const rows = items.map((item) => {
    const { name, entry, record, place } = item;
    const accuracy = record && accuracyOf(record);
    return [
      name,
      entry.family,
      String(entry.year),
      count(parametersOf(item)),
      accuracy ? `${accuracy.top1.toFixed(2)} %` : "–",
      accuracy?.dataset ?? "–",
      record?.licence ?? "–",
      place,
    ];
  });
  const columns = [
    { title: "NAME" },
    { title: "FAMILY" },
    { title: "YEAR" },
    { title: "PARAMS", align: "right" },
    { title: "TOP-1", align: "right" },
    { title: "ON" },
    { title: "LICENCE" },
    { title: "WHERE" },
  ] as const;
  print(
    table(
      columns,
      rows,
      (text) => paint("bold", text),
      (text, column, row) => paintCell(text, column, items[row]?.place ?? "absent"),
    ),
  );
}

function paintCell(text: string, column: number, place: Item["place"]): string {
  if (column === 0) return paint(place === "absent" || place === "untrained" ? "reset" : "bold", text);
  if (column !== 7) return text;
  return paint(place === "absent" || place === "untrained" ? "dim" : "green", text);
}
