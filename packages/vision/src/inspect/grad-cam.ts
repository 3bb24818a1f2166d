/** Grad-CAM (Selvaraju et al. 2017): the regions that support a class. */
import { finiteRange, Planes } from "@tessera-ml/media";
import { inInference, laidOut, layoutOf, reach } from "@tessera-ml/nn/inspect";
import { grad, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { VisionError } from "../error.ts";
import { checkPicture, planesOf } from "./maps.ts";

/**
 * Class activation map, [1, h, w] at the part's resolution, scaled to a maximum of 1; all 0 if no position supports
 * the class. Each feature map is weighted by the mean gradient of the class score.
 *
 * @param x [1, C, H, W], preprocessed
 * @param partName default: the last part that has spatial positions the class depends on
 * @throws VisionError `no-places` if the part has no spatial positions, or the class does not depend on them
 */
export async function gradCam(
  model: Classifier,
  x: Tensor,
  classIndex: number,
  partName: string = lastWithPlaces(model, x),
): Promise<Planes> {
  checkPicture(x);
  const { maps, slopes } = inInference(model, () => {
    const { output, rest } = reach(model, x, partName);
    const layout = layoutOf(output, x);
    if (layout.kind === "vector")
      throw new VisionError(
        "no-places",
        `${partName} has no places: its output is [${output.shape.join(", ")}]`,
      );
    const slope = grad((y: Tensor) =>
      scoreOf(
        rest.reduce((z, { forward }) => forward(z), y),
        classIndex,
      ),
    )(output);
    return { maps: laidOut(output, layout), slopes: laidOut(slope, layout) };
  });
  const heat = await planesOf(
    maps
      .mul(slopes.mean([2, 3], true))
      .sum(1, true)
      .relu(),
  );
  const [, most] = finiteRange(heat.data);
  if (most > 0)
    return new Planes(
      1,
      heat.height,
      heat.width,
      heat.data.map((value) => value / most),
    );
  const [low, high] = finiteRange((await slopes.data()) as Float32Array);
  if (low === 0 && high === 0)
    throw new VisionError(
      "no-places",
      `${partName}: the score of class ${classIndex} does not depend on its places; choose an earlier part`,
    );
  return heat;
}

function scoreOf(scores: Tensor, classIndex: number): Tensor {
  const classes = scores.shape[1] as number;
  if (!Number.isInteger(classIndex) || classIndex < 0 || classIndex >= classes)
    throw new RangeError(`gradCam: expected a class from 0 to ${classes - 1}, got ${classIndex}`);
  return scores.select(1, classIndex).sum();
}

function lastWithPlaces(model: Classifier, x: Tensor): string {
  return inInference(model, () => {
    let y = x;
    const found = model.parts().flatMap(({ name, forward }) => {
      y = forward(y);
      const layout = layoutOf(y, x);
      const [rows, columns] = layout.grid;
      return rows * columns < 2 ? [] : [{ name, layout }];
    });
    // After the last block only the class token is read; the other tokens last mattered before it.
    const last = found.at(-1);
    const chosen = last && last.layout.extra > 0 ? found.at(-2) : last;
    if (!chosen) throw new VisionError("no-places", "gradCam: no part of this network has places");
    return chosen.name;
  });
}
