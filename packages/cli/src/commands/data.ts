/** `tessera data`: data sets for training and evaluation. */
import type { Command } from "@commander-js/extra-typings";
import type { DatasetState } from "@tessera-ml/hub";
import type { AnyTask } from "@tessera-ml/kit";
import { table, whole } from "@tessera-ml/kit/terminal";
import { untilInterrupted } from "../errors.ts";
import { examples } from "../options.ts";
import { clearStatus, paint, print, printJson } from "../output.ts";
import { hubProgress } from "../progress.ts";

export function dataCommand(program: Command, tasks: readonly AnyTask[]): void {
  const data = program.command("data").description("List and download data sets.");
  data
    .command("list", { isDefault: true })
    .description("List data sets and where they are.")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(["tessera data list", "a table"], ["tessera data list --json", "with download URLs"]),
    )
    .action(async ({ json }) => {
      const { formatBytes } = await import("@tessera-ml/hub");
      const { listDatasets } = await import("@tessera-ml/kit/catalogue");
      const states = await listDatasets(tasks);
      if (json)
        return printJson(
          states.map(({ record, task, ...state }) => ({ ...record, task: task.name, ...state })),
        );
      print(
        table(
          [
            { title: "NAME" },
            { title: "WHERE" },
            { title: "TRAIN", align: "right" },
            { title: "TEST", align: "right" },
            { title: "SAMPLES" },
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
    .argument("<names...>", "names from `tessera data list`")
    .option("--split <split>", "only this split: train or test")
    .addHelpText(
      "after",
      examples(
        ["tessera data get mnist", "11 MiB of handwritten digits"],
        ["tessera data get mnist --split test", "what `tessera eval` needs"],
      ),
    )
    .action(async (names, { split }) => {
      const { getDataset } = await import("@tessera-ml/hub");
      const { findDataset } = await import("@tessera-ml/kit/catalogue");
      // Unknown names fail before anything is downloaded.
      const records = await Promise.all(names.map((name) => findDataset(tasks, name)));
      const signal = untilInterrupted();
      for (const record of records) {
        const { fetched } = await getDataset(record, { split, progress: hubProgress, signal });
        clearStatus();
        const files = fetched === 1 ? "file" : "files";
        print(
          `${record.name}: ${fetched > 0 ? `${fetched} ${files} downloaded and verified` : "already here"}`,
        );
      }
    });
}

function row({ record, place, size }: DatasetState, formatBytes: (bytes: number) => string): string[] {
  const { name, licence, title, kind, splits } = record;
  const counts = [splits?.train, splits?.test].map((number) => (number === undefined ? "–" : whole(number)));
  const samples = "shape" in record && Array.isArray(record.shape) ? record.shape.join(" × ") : kind;
  return [name, place, ...counts, samples, size === undefined ? "–" : formatBytes(size), licence, title];
}
