/** `tessera data`: the data sets that networks are trained and measured on. */
import { type Command, Option } from "@commander-js/extra-typings";
import type { DatasetState } from "@tessera-ml/hub";
import type { ImageDataset } from "@tessera-ml/vision/data";
import { untilInterrupted } from "../errors.ts";
import { table, whole } from "../format.ts";
import { examples } from "../options.ts";
import { clearStatus, paint, print, printJson } from "../output.ts";
import { hubProgress } from "../progress.ts";

export function dataCommand(program: Command): void {
  const data = program.command("data").description("List and download data sets.");
  data
    .command("list", { isDefault: true })
    .description("List the data sets and say which are here.")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(["tessera data list", "a table"], ["tessera data list --json", "with addresses"]),
    )
    .action(async ({ json }) => {
      const { formatBytes } = await import("@tessera-ml/hub");
      const { listDatasets } = await import("@tessera-ml/vision/data");
      const states = await listDatasets();
      if (json) return printJson(states.map(({ record, ...state }) => ({ ...record, ...state })));
      print(
        table(
          [
            { title: "NAME" },
            { title: "WHERE" },
            { title: "TRAIN", align: "right" },
            { title: "TEST", align: "right" },
            { title: "PIXELS" },
            { title: "DOWNLOAD", align: "right" },
            { title: "LICENCE" },
            { title: "WHAT" },
          ],
          states.map((state) => row(state, formatBytes)),
          (text) => paint("bold", text),
          (text, column, i) => (column === 1 && states[i]?.place !== "absent" ? paint("green", text) : text),
        ),
      );
    });
  data
    .command("get")
    .description("Download a data set and verify it.")
    .argument("<names...>", "data sets, as `tessera data list` names them")
    .addOption(
      new Option("--split <split>", "only the files of this split").choices(["train", "test"] as const),
    )
    .addHelpText(
      "after",
      examples(
        ["tessera data get mnist", "11 MiB of handwritten digits"],
        ["tessera data get mnist --split test", "what `tessera eval` needs"],
      ),
    )
    .action(async (names, { split }) => {
      const { getDataset } = await import("@tessera-ml/hub");
      const { findDataset } = await import("@tessera-ml/vision/data");
      // A wrong name is said before anything is fetched.
      const records = names.map((name) => findDataset(name));
      const signal = untilInterrupted();
      for (const record of records) {
        const { name } = record;
        const { fetched } = await getDataset(record, { split, progress: hubProgress, signal });
        clearStatus();
        const files = fetched === 1 ? "file" : "files";
        print(`${name}: ${fetched > 0 ? `${fetched} ${files} downloaded and verified` : "here already"}`);
      }
    });
}

function row(
  { record, place, size }: DatasetState<ImageDataset>,
  formatBytes: (bytes: number) => string,
): string[] {
  const { name, licence, title } = record;
  const download = size === undefined ? "–" : formatBytes(size);
  if (record.kind === "photographs") return [name, place, "–", "–", "photographs", download, licence, title];
  const { train, test } = record.splits;
  const pictures = [train, test].map((number) => (number === undefined ? "–" : whole(number)));
  return [name, place, ...pictures, record.shape.join(" × "), download, licence, title];
}
