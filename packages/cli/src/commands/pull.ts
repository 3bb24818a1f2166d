/** `tessera pull`: downloads checkpoints. */
import type { Command } from "@commander-js/extra-typings";
import type { AnyTask } from "@tessera-ml/kit";
import { untilInterrupted } from "../errors.ts";
import { examples } from "../options.ts";
import { clearStatus, print } from "../output.ts";
import { hubProgress } from "../progress.ts";

export function pullCommand(program: Command, tasks: readonly AnyTask[]): void {
  program
    .command("pull")
    .description("Download published checkpoints.")
    .argument("<names...>", "checkpoints (resnet50.tv_in1k_v2) or networks (resnet50: its best one)")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera pull mobilenet_v2", "1,000 classes in 14 MB"],
          ["tessera pull timm/resnet50", "from another source"],
          ["tessera pull resnet18 vit_base_patch16_224", "several"],
        ),
        "",
        "An interrupted download resumes where it stopped; every file is verified. TESSERA_HUB names a mirror.",
        "Offline, the error message says which file to fetch and where to put it.",
      ].join("\n"),
    )
    .action(async (names) => {
      const { formatBytes, pullCheckpoint } = await import("@tessera-ml/hub");
      const { findCheckpoint } = await import("@tessera-ml/kit/catalogue");
      // Unknown names fail before anything is downloaded.
      const found = await Promise.all(names.map((name) => findCheckpoint(tasks, name)));
      const signal = untilInterrupted();
      for (const { record } of found) {
        const { fetched, path, place, size, against } = await pullCheckpoint(record, {
          progress: hubProgress,
          signal,
        });
        clearStatus();
        const how = fetched ? "downloaded" : place === "cache" ? "already here" : `already here (${place})`;
        const checked = {
          sha256: "SHA-256 verified",
          prefix: "hash verified",
          size: "size verified",
          none: "",
        };
        print(
          [`${record.name}: ${how}`, formatBytes(size), checked[against], path].filter(Boolean).join(", "),
        );
      }
    });
}
