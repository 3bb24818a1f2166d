/** The networks to choose from, by what they tell apart. */
import { useSignal } from "@preact/signals";
import type { ModelInfo } from "../../api/index.ts";
import { count, dataTitle, origin, shortTitle } from "../format.ts";
import { chosen, MOST_COMPARED, picture, ready, toggle } from "../state.ts";
import { Mosaic } from "./mosaic.tsx";
import { Segments } from "./segments.tsx";

interface Group {
  readonly title: string;
  readonly of: (kind: ModelInfo["classes"]["kind"]) => boolean;
}

const GROUPS: readonly Group[] = [
  { title: "Digits", of: (kind) => kind === "digits" },
  { title: "Ten things", of: (kind) => kind === "cifar10" },
  { title: "A thousand things", of: (kind) => kind.startsWith("imagenet") },
];

export function groupOf(model: ModelInfo): Group {
  return GROUPS.find(({ of }) => of(model.classes.kind))!;
}

export function Cards() {
  const opened = useSignal<{ group: Group; after: unknown } | undefined>(undefined);
  const here = GROUPS.filter(({ of }) => ready.value.some(({ classes }) => of(classes.kind)));
  const first = ready.value.find(({ name }) => name === chosen.value[0]);
  // A new picture of another kind turns to the networks that read it.
  const kind = picture.value?.kind;
  const group =
    (opened.value?.after === kind ? opened.value?.group : undefined) ?? (first ? groupOf(first) : here[0]);
  return (
    <section class="networks" aria-label="Networks">
      <div class="networks-head">
        <h2>Networks</h2>
        <Segments
          label="What they tell apart"
          value={group}
          choose={(value) => (opened.value = { group: value, after: kind })}
          choices={here.map((each) => ({ value: each, title: each.title }))}
        />
        <span class="small quiet">up to {MOST_COMPARED} side by side</span>
      </div>
      <div class="cards">
        {ready.value
          .filter(({ classes }) => group?.of(classes.kind))
          .map((model) => (
            <Card key={model.name} model={model} />
          ))}
      </div>
    </section>
  );
}

function Card({ model }: { readonly model: ModelInfo }) {
  const { name, title, params, accuracy } = model;
  return (
    <button
      type="button"
      class="card"
      aria-pressed={chosen.value.includes(name)}
      onClick={() => toggle(name)}
      title={
        accuracy
          ? `${model.paper}: ${accuracy.top1.toFixed(1)} % on ${dataTitle(accuracy.dataset)}`
          : model.paper
      }
    >
      <Mosaic name={name} />
      <span class="card-title">{shortTitle(title)}</span>
      <span class="card-year small quiet">{origin(model)}</span>
      <span class="card-facts small quiet">
        {count(params)} <span class="wide">parameters</span>
        {accuracy && <> · {accuracy.top1.toFixed(1)} %</>}
      </span>
    </button>
  );
}
