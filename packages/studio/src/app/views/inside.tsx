/** One network from the inside: its parts, what comes out of them, where it looked, and its layers. */
import { useComputed, useSignal } from "@preact/signals";
import { count, origin, shortTitle } from "../format.ts";
import { Attention } from "../inside/attention.tsx";
import { Features } from "../inside/features.tsx";
import { Gradcam } from "../inside/gradcam.tsx";
import { Layers } from "../inside/layers.tsx";
import { isMap, Parts, telling } from "../inside/parts.tsx";
import { groupOf } from "../parts/cards.tsx";
import { useAnswer } from "../parts/load.ts";
import { Mosaic } from "../parts/mosaic.tsx";
import { Notice } from "../parts/notice.tsx";
import { PictureStrip } from "../picture/stage.tsx";
import { chosen, engine, hrefOf, ready, route } from "../state.ts";

export function InsideView() {
  const model = useComputed(() => {
    const { name } = route.value;
    const wanted = name ?? chosen.value[0];
    return ready.value.find((each) => each.name === wanted) ?? (name ? undefined : ready.value[0]);
  });
  const wanted = useSignal<string | undefined>(undefined);
  const detail = useAnswer(() => model.value && engine.value?.model(model.value.name));
  const parts = useComputed(() =>
    detail.value.value?.model.name === model.value?.name ? detail.value.value?.parts : undefined,
  );
  // Another network has other parts.
  const part = useComputed(() => {
    const list = parts.value ?? [];
    return (list.find((each) => each.name === wanted.value && isMap(each)) ?? telling(list))?.name;
  });

  if (route.value.name !== undefined && ready.value.length > 0 && !model.value)
    return (
      <Notice>
        There is no network “{route.value.name}” here. <a href={hrefOf("inside")}>Show one that is.</a>
      </Notice>
    );
  return (
    <div class="inside">
      <div class="inside-head">
        <Title model={model.value} />
        <PictureStrip />
      </div>
      {detail.value.failure !== undefined && <Notice>{detail.value.failure}</Notice>}
      <section class="slab" aria-labelledby="parts">
        <h2 id="parts">The way through</h2>
        <p class="quiet small">
          Height is the side of the maps, width how many there are. Choose a part to see what comes out of it.
        </p>
        <Parts parts={parts.value} selected={part.value} select={(name) => (wanted.value = name)} />
      </section>
      <div class="inside-two">
        <Gradcam model={model} part={part} />
        <Features model={model} part={part} />
      </div>
      {model.value?.family === "ViT" && <Attention model={model} />}
      <Layers layers={parts.value && detail.value.value?.layers} />
    </div>
  );
}

function Title({ model }: { readonly model: (typeof ready.value)[number] | undefined }) {
  return (
    <div class="title">
      <Mosaic name={model?.name ?? ""} />
      <div>
        <h1>{model ? shortTitle(model.title) : "Look inside"}</h1>
        <p class="quiet">{model ? `${model.paper}, ${model.year}` : " "}</p>
        <p class="quiet small">
          {model &&
            `${count(model.params)} parameters${model.macs ? ` · ${count(model.macs)} multiplications` : ""} · reads ${model.inputSize} × ${model.inputSize} · ${model.classes.count} classes`}
        </p>
      </div>
      <label class="choose">
        <span class="hidden">Network</span>
        <select
          value={model?.name}
          onChange={({ currentTarget }) => (location.hash = hrefOf("inside", currentTarget.value))}
        >
          {[...Map.groupBy(ready.value, (each) => groupOf(each).title)].map(([group, members]) => (
            <optgroup key={group} label={group}>
              {members.map((each) => (
                <option key={each.name} value={each.name}>
                  {shortTitle(each.title)}, {origin(each)}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
    </div>
  );
}
