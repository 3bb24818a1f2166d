import type { Curve, Finding } from "@tessera-ml/kit/studies";
import { VisionTransformer } from "../models/vit.ts";
import type { Run } from "./compare.ts";
import { costTable, defineStudy, last, percent } from "./define.ts";
import { convUnit, stages } from "./networks.ts";

const SIZES = [500, 2000, 6000] as const;
/** Images each network trains on, counting repetitions. */
const SEEN = 12_000;

const NETWORKS = {
  CNN: {
    network: () =>
      stages({
        widths: [24, 48, 96],
        count: 1,
        block: (inputs, width, stride) => convUnit(inputs, width, 3, { stride }),
      }),
    rate: 3e-3,
  },
  ViT: {
    network: () =>
      new VisionTransformer({
        imageSize: 32,
        patchSize: 4,
        dim: 64,
        depth: 2,
        heads: 4,
        mlpRatio: 2,
        classes: 10,
      }),
    rate: 1e-3,
  },
} as const;

/** Curves hold test error by number of training images. */
export function biasFindings(cnn: Curve, vit: Curve): Finding[] {
  const gap = (i: number) => (vit.y[i] as number) - (cnn.y[i] as number);
  const sizes = cnn.x.map((size) => size.toLocaleString("en"));
  const gaps = cnn.x.map((_, i) => `${gap(i).toFixed(1)} points with ${sizes[i]} images`);
  return [
    {
      paper:
        "Trained on ImageNet alone (1.3 M images), ViT stays below ResNets of its size: it lacks the locality and translation equivariance built into CNNs.",
      here: `with ${sizes.at(-1)} images, the CNN has ${percent(last(cnn.y))} test error, the ViT ${percent(last(vit.y))}; the ViT is worse by ${gaps.join(", ")}`,
      holds: cnn.x.every((_, i) => gap(i) > 0),
    },
    {
      paper:
        "Large data trumps inductive bias: between 14 M and 300 M images the gap closes and reverses (figures 3 and 4).",
      here: `the ViT's error relative to the CNN's is ${cnn.x.map((_, i) => `${((vit.y[i] as number) / (cnn.y[i] as number)).toFixed(2)} times (${sizes[i]})`).join(", ")}: ${gap(cnn.x.length - 1) < gap(0) ? "the gap shrinks" : "the gap does not shrink"} within these few images`,
      holds: gap(cnn.x.length - 1) < gap(0),
    },
  ];
}

export const inductiveBias = defineStudy({
  name: "inductive-bias",
  title: "Inductive bias: CNN and ViT on little data",
  claim:
    "Locality and translation equivariance are built into a convolutional network; a transformer has to learn them from more data.",
  paper:
    "Dosovitskiy et al. 2020, An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale, sections 3.1 and 4.3",
  minutes: 1,
  async measure(context) {
    const variants = Object.entries(NETWORKS).map(([name, net]) => ({
      name,
      optimizer: "adamw" as const,
      ...net,
    }));
    const bySize: { size: number; runs: Run[] }[] = [];
    for (const [i, size] of SIZES.entries()) {
      const training = { data: "cifar10-jpeg", count: size, epochs: SEEN / size, tests: "end" } as const;
      const share = [i / SIZES.length, (i + 1) / SIZES.length] as const;
      bySize.push({ size, runs: await context.compare(variants, training, share) });
    }
    const errors = variants.map(
      ({ name }, v): Curve => ({
        name,
        x: [...SIZES],
        y: bySize.map(({ runs }) => last((runs[v] as Run).testError.y)),
      }),
    );
    const [cnn, vit] = errors as [Curve, Curve];
    return {
      plots: [
        {
          title: "Test error by training images",
          xLabel: "training images",
          yLabel: "error in %",
          curves: errors,
        },
        ...bySize.map(({ size, runs }) => ({
          title: `Training error, ${size.toLocaleString("en")} images`,
          xLabel: "epochs",
          yLabel: "error in %",
          curves: runs.map((run) => run.trainError),
        })),
      ],
      tables: bySize.map(({ size, runs }) => costTable(runs, `${size.toLocaleString("en")} training images`)),
      findings: biasFindings(cnn, vit),
    };
  },
});
