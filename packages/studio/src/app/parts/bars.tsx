/** The most probable classes as rows of stones. */
import type { Prediction } from "../../api/index.ts";
import { TOP } from "../engine/engine.ts";
import { firstName, percent } from "../format.ts";

interface BarsProps {
  readonly predictions: readonly Prediction[] | undefined;
  readonly waiting: boolean;
}

/** Always as many rows: what comes later takes no more room. */
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
