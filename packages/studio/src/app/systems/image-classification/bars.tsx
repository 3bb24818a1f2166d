/** The most probable classes as rows of stones. */
import type { Prediction } from "@tessera-ml/vision";
import { firstName, percent } from "../../format.ts";
import { TOP } from "./state.ts";

interface BarsProps {
  readonly predictions: readonly Prediction[] | undefined;
  readonly waiting: boolean;
}

/** The number of rows is fixed, so that nothing jumps when the answer comes. */
export function Bars({ predictions, waiting }: BarsProps) {
  return (
    <ol class="bars" aria-busy={waiting}>
      {Array.from({ length: TOP }, (_, i) => {
        const prediction = predictions?.[i];
        return (
          <li key={i} class={i === 0 ? "first" : undefined}>
            <span class="label" title={prediction?.label}>
              {prediction ? firstName(prediction.label) : " "}
            </span>
            <span class="share">{prediction ? percent(prediction.probability) : ""}</span>
            <span class="stones" aria-hidden="true">
              <span style={{ transform: `scaleX(${prediction?.probability ?? 0})` }} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}
