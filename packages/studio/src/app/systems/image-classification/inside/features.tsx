/** What comes out of a part, channel by channel, and how much of the input one unit sees. */

import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import type { ModelInfo } from "../../../../api/index.ts";
import { picture } from "../../../media/present.ts";
import { useAnswer } from "../../../parts/answer.ts";
import { Notice } from "../../../parts/notice.tsx";
import { engine } from "../../../state.ts";
import * as look from "../look.ts";

export interface PartOf {
  readonly model: ReadonlySignal<ModelInfo | undefined>;
  readonly part: ReadonlySignal<string | undefined>;
}

export function Features({ model, part }: PartOf) {
  const large = useSignal<number | undefined>(undefined);
  const features = useAnswer((signal) => {
    const [by, about, of, at] = [engine.value, picture.value, model.value?.name, part.value];
    large.value = undefined;
    const request = { part: at, limit: look.MAPS };
    return about && of && at
      ? by?.operate(look.features, { model: of, input: about.blob, request, signal })
      : undefined;
  });
  const { value, failure, waiting } = features.value;
  const shown = value?.maps.find(({ channel }) => channel === large.value) ?? value?.maps[0];
  return (
    <section class="slab features" aria-labelledby="features">
      <h2 id="features">
        Maps of <em>{part.value ?? "a part"}</em>
      </h2>
      {failure !== undefined && <Notice>{failure}</Notice>}
      {!picture.value && <p class="quiet">Choose a picture above.</p>}
      <div class="features-body">
        <div class={waiting ? "maps waiting" : "maps"} aria-busy={waiting}>
          {!value && Array.from({ length: 24 }, (_, i) => <div key={i} class="map blank" />)}
          {value?.maps.map(({ channel, png }) => (
            <button
              key={channel}
              type="button"
              class="map"
              aria-pressed={channel === shown?.channel}
              aria-label={`Channel ${channel}`}
              onClick={() => (large.value = channel)}
            >
              <img src={png} alt="" />
            </button>
          ))}
        </div>
        <div class="closer">
          <figure>
            <div class="square">
              {shown && <img src={shown.png} alt={`Map of channel ${shown.channel}`} />}
            </div>
            <figcaption class="small quiet">
              {value && shown
                ? `Channel ${shown.channel} of ${value.shape.join(" × ")}: from ${figure(shown.low)} to ${figure(shown.high)}`
                : "One channel, larger"}
            </figcaption>
          </figure>
          <ReceptiveField model={model} part={part} />
        </div>
      </div>
    </section>
  );
}

function figure(value: number): string {
  return value.toPrecision(3).replace("-", "−");
}

function ReceptiveField({ model, part }: PartOf) {
  const key = useComputed(() => [model.value?.name, part.value] as const);
  const field = useAnswer((signal) => {
    const [of, at] = key.value;
    return of && at
      ? engine.value?.operate(look.receptiveField, { model: of, request: { part: at }, signal })
      : undefined;
  });
  const { value, failure, waiting } = field.value;
  return (
    <figure>
      <div class={waiting ? "square waiting" : "square"}>
        {value && <img src={value.png} alt={`What the middle unit of ${part.value} sees of the input`} />}
      </div>
      <figcaption class="small quiet">
        {failure ??
          `Effective receptive field: the pixels that move the middle unit of ${part.value ?? "the part"}${value ? `, of ${value.size} × ${value.size}` : ""}`}
      </figcaption>
    </figure>
  );
}
