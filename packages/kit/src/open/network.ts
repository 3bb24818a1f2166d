/** Opens a checkpoint's network by name, for tasks that need nothing else from the file. */

import type { CheckpointRecord } from "@tessera-ml/hub";
import { HubError } from "@tessera-ml/hub/error";
import type { Module } from "@tessera-ml/nn";
import { firstHere, openNamed, recordsOf } from "#open";
import { loadNetwork } from "../networks/load.ts";
import type { Network, Networks } from "../networks/networks.ts";
import type { Opener, OpenOptions } from "./types.ts";

/**
 * Opens a checkpoint, downloading it if it is not on this machine, and loads it into its network.
 *
 * @param name as for {@link openNamed}; default the first checkpoint on this machine
 * @returns its record, and the network in inference mode
 */
export async function openNetwork<R extends CheckpointRecord, M extends Module>(
  opener: Opener<R> & { readonly networks: Networks<Network<M>> },
  name: string | undefined,
  options: OpenOptions = {},
): Promise<{ readonly record: R; readonly module: M }> {
  const { record, checkpoint } = await openNamed(opener, name ?? (await defaultOf(opener)), options);
  try {
    options.signal?.throwIfAborted();
    const { network } = opener.networks.ofRecord(record);
    const { module } = await loadNetwork(opener.networks, network.name, checkpoint);
    module.eval();
    return { record, module };
  } finally {
    await checkpoint.close();
  }
}

/**
 * The first of a task's checkpoints that is on this machine.
 *
 * @param records in order of preference; default those shipped with Tessera, then the published ones
 * @throws HubError `absent`
 */
export async function defaultOf(opener: Opener, records?: readonly CheckpointRecord[]): Promise<string> {
  const record = await firstHere(records ?? (await recordsOf(opener)));
  if (record) return record.name;
  const [best] = opener.records;
  throw new HubError(
    "absent",
    `no checkpoint for ${opener.task} is on this machine; ${
      best
        ? `\`tessera pull ${best.aliases?.[0] ?? best.name}\` downloads one`
        : "`tessera train` lists the recipes, which make one"
    }`,
  );
}
