/** Where classifiers get their checkpoints. */

import { HubError } from "@tessera-ml/hub/error";
import { parseRecordAs } from "@tessera-ml/hub/records";
import { classesInFile, firstHere, type Opener, recordsOf } from "@tessera-ml/kit";
import { IMAGENET_MEAN, IMAGENET_STD, torchvisionPreset } from "@tessera-ml/media";
import type { Checkpoint } from "@tessera-ml/nn";
import { type ClassifierNetwork, networks } from "../networks/index.ts";
import { publishedRecords } from "../records/published.ts";
import {
  accuracyOf,
  type ClassifierRecord,
  classifierSchema,
  type Preprocessing,
  TASK,
} from "../records/record.ts";

export const opener: Opener<ClassifierRecord> = {
  task: TASK,
  networks,
  records: publishedRecords,
  check: (record, where) => parseRecordAs(classifierSchema, record, where),
  bareRecord,
};

/** The best checkpoint on this machine for photographs: an ImageNet classifier, else a CIFAR-10 one. */
export async function defaultCheckpoint(): Promise<string> {
  const records = (await recordsOf(opener)) as ClassifierRecord[];
  for (const kind of ["imagenet-1k", "imagenet-1k+background", "cifar10"]) {
    const wanted = records.filter(({ classes }) => classes.labels === kind);
    const figure = (record: ClassifierRecord) => accuracyOf(record)?.top1 ?? 0;
    const best = await firstHere(wanted.toSorted((a, b) => figure(b) - figure(a)));
    if (best) return best.name;
  }
  // A browser lists nothing; it gets the small classifier that ships with Tessera.
  if (records.length === 0) return "cifar_speedrun.tessera";
  throw new HubError(
    "absent",
    "there is no checkpoint for photographs on this machine; `tessera pull resnet50` downloads one",
  );
}

/**
 * A record for a bare file, derived from its network: the usual preprocessing (for a small network, that of its named
 * checkpoint), and numbered classes.
 */
async function bareRecord(
  network: ClassifierNetwork,
  file: string,
  checkpoint: Checkpoint,
): Promise<ClassifierRecord> {
  const { name, channels, classes: usual, paper } = network;
  const count = classesInFile(networks, name, checkpoint) ?? usual;
  const labels =
    usual === 1000
      ? "imagenet-1k"
      : usual === 1001
        ? "imagenet-1k+background"
        : channels === 1
          ? "digits"
          : "cifar10";
  return {
    name: file,
    task: TASK,
    network: name,
    source: "tessera",
    files: [{ file }],
    licence: "unknown",
    preprocessing: await usualPreprocessing(network),
    classes: { count, labels },
    reference: paper,
  };
}

async function usualPreprocessing({ name, channels, inputSize }: ClassifierNetwork): Promise<Preprocessing> {
  if (inputSize > 64) return torchvisionPreset(inputSize, Math.round((inputSize * 256) / 224));
  const like = ((await recordsOf(opener)) as ClassifierRecord[]).find(({ network }) => network === name);
  if (like) return like.preprocessing;
  const [mean, std] = channels === 1 ? [[0.5], [0.5]] : [IMAGENET_MEAN, IMAGENET_STD];
  return { library: "pil", interpolation: "bilinear", resize: [inputSize, inputSize], mean, std };
}
