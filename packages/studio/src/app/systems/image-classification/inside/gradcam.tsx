/** Where the network looked for a class. */

import { useSignal, useSignalEffect } from "@preact/signals";
import type { TaskInfo } from "../../../../api/index.ts";
import { firstName, percent } from "../../../format.ts";
import { picture } from "../../../media/present.ts";
import { useAnswer } from "../../../parts/answer.ts";
import { Notice } from "../../../parts/notice.tsx";
import { engine } from "../../../state.ts";
import * as look from "../look.ts";
import { classify } from "../state.ts";
import type { PartOf } from "./features.tsx";

interface GradcamProps extends PartOf {
  readonly task: TaskInfo;
}

export function Gradcam({ task, model, part }: GradcamProps) {
  const wanted = useSignal<number | undefined>(undefined);
  // Another picture or network starts over with its most probable class.
  useSignalEffect(() => {
    void [picture.value, model.value];
    wanted.value = undefined;
  });
  const classes = useAnswer((signal) => {
    const [by, about, of] = [engine.value, picture.value, model.value?.name];
    return by && about && of ? classify({ by, about, task }, of, signal) : undefined;
  });
  const heat = useAnswer((signal) => {
    const [by, about, of, at] = [engine.value, picture.value, model.value?.name, part.value];
    return about && of && at
      ? by?.operate(look.gradcam, {
          model: of,
          input: about.blob,
          request: { class: wanted.value, part: at },
          signal,
        })
      : undefined;
  });
  const { value, failure, waiting } = heat.value;
  const predictions = classes.value.value?.predictions ?? [];
  return (
    <section class="slab gradcam" aria-labelledby="gradcam">
      <h2 id="gradcam">Where it looked</h2>
      {failure !== undefined && <Notice>{failure}</Notice>}
      <div class={waiting && value ? "square waiting" : "square"} aria-busy={waiting}>
        {value && <img src={value.heat} alt={`Grad-CAM: where the network looked for ${value.label}`} />}
        {!picture.value && <p class="quiet">Choose a picture above.</p>}
      </div>
      <fieldset class="classes" aria-label="Class">
        {predictions.map(({ index, label, probability }) => (
          <button
            key={index}
            type="button"
            class="chip"
            aria-pressed={index === (wanted.value ?? predictions[0]?.index)}
            onClick={() => (wanted.value = index)}
          >
            {firstName(label)} <span class="quiet">{percent(probability)}</span>
          </button>
        ))}
      </fieldset>
      <p class="small quiet">
        Grad-CAM: the maps of <em>{part.value ?? "a part"}</em>, weighted by how much each raises the class.
      </p>
    </section>
  );
}
