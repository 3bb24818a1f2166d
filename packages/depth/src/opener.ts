/** Where depth checkpoints come from. */
import { defaultOf, KitError, type Opener, recordsOf } from "@tessera-ml/kit";
import { networks } from "./networks/index.ts";
import { checkDepthRecord, type DepthRecord, records, TASK, usualFields } from "./records.ts";

export const opener: Opener<DepthRecord> = {
  task: TASK,
  networks,
  records,
  check: checkDepthRecord,
  bareRecord: ({ name, paper }, file, checkpoint) => {
    const depth = usualFields(name);
    if (!depth)
      throw new KitError("bad-option", `${file}: ${name} does not estimate the depth of an image`, {
        field: "network",
      });
    const source = "depth-anything";
    // Under the names of transformers; the network then resizes positions as transformers does.
    const converted = checkpoint.names().some((key) => key.includes("backbone.embeddings."));
    return {
      name: file,
      task: TASK,
      network: name,
      source,
      files: [{ file }],
      licence: "unknown",
      reference: paper,
      depth: converted ? { ...depth, preset: "transformers" } : depth,
    };
  },
};

/**
 * The best checkpoint on this machine: a published one that was downloaded, else one that ships with Tessera.
 *
 * @throws HubError `absent`
 */
export async function defaultCheckpoint(): Promise<string> {
  const all = await recordsOf(opener);
  // A browser lists nothing; it gets the small network that ships with Tessera.
  if (all.length === 0) return "depth_lite0.tessera";
  return await defaultOf(opener, [...records, ...all]);
}
