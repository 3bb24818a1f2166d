import type { Finding } from "@tessera-ml/kit/studies";
import { Sequential } from "@tessera-ml/nn";
import type { Run } from "./compare.ts";
import { inferenceTimes } from "./cost.ts";
import { costTable, defineStudy, errorPlots, last, percent, runOf } from "./define.ts";
import { type Block, convUnit, stages } from "./networks.ts";

const standard: Block = (inputs, width, stride) => convUnit(inputs, width, 3, { stride });
/** A depthwise 3x3 convolution, then a 1x1 over all channels. */
const separable: Block = (inputs, width, stride) =>
  new Sequential(convUnit(inputs, inputs, 3, { stride, groups: inputs }), convUnit(inputs, width, 1));

const depthwiseNetworks = {
  standard: () => stages({ widths: [24, 48, 96], count: 2, block: standard }),
  separable: () => stages({ widths: [24, 48, 96], count: 2, block: separable }),
  "separable, twice as wide": () => stages({ widths: [48, 96, 192], count: 2, block: separable }),
};

/** @param times milliseconds per image in inference, by network */
export function depthwiseFindings(runs: readonly Run[], times: Readonly<Record<string, number>>): Finding[] {
  const [full, cheap] = ["standard", "separable"].map((name) => runOf(runs, name)) as [Run, Run];
  const [error, cheapError] = [last(full.testError.y), last(cheap.testError.y)];
  const fewer = full.macs / cheap.macs;
  const faster = (times.standard as number) / (times.separable as number);
  return [
    {
      paper:
        "With separable convolutions, MobileNet needs 569 million multiply-adds instead of 4,866 million and 4.2 M parameters instead of 29.3 M: 8.6 and 7 times fewer.",
      here: `${fewer.toFixed(1)} times fewer multiply-accumulates, ${(full.parameters / cheap.parameters).toFixed(1)} times fewer parameters`,
      holds: fewer >= 4,
    },
    {
      paper: "It loses about 1 point of accuracy on ImageNet: 70.6 % instead of 71.7 %.",
      here: `${percent(error)} test error with standard, ${percent(cheapError)} with separable convolutions: ${(cheapError - error).toFixed(1)} points`,
      holds: cheapError - error <= 3,
    },
    {
      paper:
        "Multiply-adds are not time: it also matters how well the operations are implemented (section 3.2).",
      here: `an image takes ${(times.standard as number).toFixed(2)} ms with standard, ${(times.separable as number).toFixed(2)} ms with separable convolutions: ${faster.toFixed(1)} times faster for ${fewer.toFixed(1)} times fewer multiply-accumulates`,
      holds: faster < 0.8 * fewer,
    },
  ];
}

export const depthwise = defineStudy({
  name: "depthwise",
  title: "Depthwise separable convolutions",
  claim:
    "Filtering each channel separately and mixing channels by 1x1 costs a fraction of a full convolution and loses little accuracy.",
  paper:
    "Howard et al. 2017, MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, section 4.1",
  minutes: 1,
  async measure(context) {
    const variants = Object.entries(depthwiseNetworks).map(([name, network]) => ({
      name,
      network,
      rate: 0.1,
    }));
    const runs = await context.compare(variants, { data: "cifar10-jpeg", count: 4000, epochs: 5 }, [0, 0.95]);
    context.say("timing inference", 0.95);
    const measured = await inferenceTimes(
      variants.map(({ network }) => network()),
      [3, 32, 32],
    );
    const times = Object.fromEntries(variants.map(({ name }, i) => [name, measured[i] as number]));
    const table = {
      title: "Time",
      columns: ["network", "MMAC per image", "inference, ms per image", "GMAC per second"],
      rows: runs.map(({ name, macs }) => {
        const ms = times[name] as number;
        return [name, (macs / 1e6).toFixed(2), ms.toFixed(3), (macs / 1e6 / ms).toFixed(1)];
      }),
    };
    return {
      plots: errorPlots(runs),
      tables: [costTable(runs), table],
      findings: depthwiseFindings(runs, times),
    };
  },
});
