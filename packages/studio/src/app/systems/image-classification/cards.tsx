/** The networks to choose from, by the classes they know. */

import { useSignal } from "@preact/signals";
import type { ModelInfo } from "../../../api/index.ts";
import { dataTitle } from "../../format.ts";
import { picture } from "../../media/present.ts";
import { ModelCard } from "../../parts/model-card.tsx";
import { Segments } from "../../parts/segments.tsx";
import { type ClassifierInfo, compared, MOST_COMPARED, networks, toggle } from "./state.ts";

interface Group {
  readonly title: string;
  readonly of: (kind: ClassifierInfo["classes"]["kind"]) => boolean;
}

const GROUPS: readonly Group[] = [
  { title: "Digits", of: (kind) => kind === "digits" },
  { title: "Ten things", of: (kind) => kind === "cifar10" },
  { title: "A thousand things", of: (kind) => kind.startsWith("imagenet") },
];

export function groupOf(model: ClassifierInfo): Group {
  return GROUPS.find(({ of }) => of(model.classes.kind))!;
}

export function Cards() {
  const opened = useSignal<{ group: Group; after: unknown } | undefined>(undefined);
  const here = GROUPS.filter(({ of }) => networks.value.some(({ classes }) => of(classes.kind)));
  const first = networks.value.find(({ name }) => name === compared.value[0]);
  // When a picture of another kind comes, show the networks that read it.
  const kind = picture.value?.kind;
  const group =
    (opened.value?.after === kind ? opened.value?.group : undefined) ?? (first ? groupOf(first) : here[0]);
  return (
    <section class="networks" aria-label="Networks">
      <div class="networks-head">
        <h2>Networks</h2>
        <Segments
          label="Classes"
          value={group}
          choose={(value) => (opened.value = { group: value, after: kind })}
          choices={here.map((each) => ({ value: each, title: each.title }))}
        />
        <span class="small quiet">up to {MOST_COMPARED} side by side</span>
      </div>
      <div class="cards">
        {networks.value
          .filter(({ classes }) => group?.of(classes.kind))
          .map((model) => (
            <Card key={model.name} model={model} />
          ))}
      </div>
    </section>
  );
}

function Card({ model }: { readonly model: ModelInfo }) {
  const { name, paper, accuracy } = model;
  const top1 = accuracy && `${accuracy.top1.toFixed(1)} %`;
  return (
    <ModelCard
      model={model}
      chosen={compared.value.includes(name)}
      toggle={() => toggle(name)}
      hint={accuracy ? `${paper}: ${top1} on ${dataTitle(accuracy.dataset)}` : paper}
    >
      {top1 && <> · {top1}</>}
    </ModelCard>
  );
}
