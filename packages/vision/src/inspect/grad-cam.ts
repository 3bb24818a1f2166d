/** Where a network looked: Grad-CAM (Selvaraju et al. 2017). */
import { finiteRange, Planes } from "@tessera-ml/media";
import { inInference, laidOut, layoutOf, reach } from "@tessera-ml/nn/inspect";
import { grad, type Tensor } from "@tessera-ml/tensor";
import type { Classifier } from "../classifier.ts";
import { VisionError } from "../error.ts";
import { checkPicture, planesOf } from "./maps.ts";

/**
 * The places that speak for a class, [1, h, w] of the part's size, the strongest 1; all 0 where none does.
 * Each map of the part counts by how much the class's score grows with it.
 *
 * @param x [1, C, H, W], as the network reads it
 * @param partName default: the last that still has places and whose places the class depends on
 * @throws VisionError `no-places` where the part has none, or the class does not depend on them
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
    // Behind the last block a class token alone is read: the other tokens last counted in front of it.
    const last = found.at(-1);
    const chosen = last && last.layout.extra > 0 ? found.at(-2) : last;
    if (!chosen) throw new VisionError("no-places", "gradCam: no part of this network has places");
    return chosen.name;
  });
}
