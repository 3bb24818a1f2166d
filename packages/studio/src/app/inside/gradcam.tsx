/** Where the network looked for a class. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { firstName, percent } from "../format.ts";
import { useAnswer } from "../parts/load.ts";
import { Notice } from "../parts/notice.tsx";
import { engine, picture } from "../state.ts";
import type { PartOf } from "./features.tsx";

export function Gradcam({ model, part }: PartOf) {
  const wanted = useSignal<number | undefined>(undefined);
  // Another picture or network: again the class it names first.
  useSignalEffect(() => {
    void [picture.value, model.value];
    wanted.value = undefined;
  });
  const classes = useAnswer((signal) => {
    const [by, about, of] = [engine.value, picture.value, model.value?.name];
    return about && of ? by?.classify(about.blob, of, signal) : undefined;
  });
  const heat = useAnswer((signal) => {
    const [by, about, of, at] = [engine.value, picture.value, model.value?.name, part.value];
    return about && of && at
      ? by?.gradcam(about.blob, of, { class: wanted.value, part: at, signal })
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
        Grad-CAM: the maps of <em>{part.value ?? "a part"}</em>, each weighted by how much it speaks for the
        class.
      </p>
    </section>
  );
}
