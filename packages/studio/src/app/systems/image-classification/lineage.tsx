/** The generations of networks, measured on the same data. */
import { useSignal } from "@preact/signals";
import type { LineageEntry } from "../../../api/index.ts";
import { count, dataTitle, shortTitle } from "../../format.ts";
import { useAnswer } from "../../parts/answer.ts";
import { Mosaic } from "../../parts/mosaic.tsx";
import { Notice } from "../../parts/notice.tsx";
import { Segments } from "../../parts/segments.tsx";
import { engine, hrefOfModel } from "../../state.ts";
import { noveltyOf } from "./about.ts";
import { Bubbles } from "./bubbles.tsx";
import "./lineage.css";

export function LineageView() {
  const lineage = useAnswer(() => engine.value?.lineage());
  const wanted = useSignal<string | undefined>(undefined);
  const sets = Map.groupBy(lineage.value.value ?? [], ({ dataset }) => dataset);
  // Start with the data set that compares the most families.
  const kinds = (entries: readonly LineageEntry[]) => new Set(entries.map(({ family }) => family)).size;
  const largest = [...sets].toSorted(([, a], [, b]) => kinds(b) - kinds(a))[0]?.[0];
  const dataset = wanted.value ?? largest;
  const entries = (dataset === undefined ? undefined : sets.get(dataset)) ?? [];
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>The lineage</h1>
          <p class="quiet">
            What each generation added, measured on the same data. Larger stones have more parameters.
          </p>
        </div>
        <Segments
          label="Data"
          value={dataset}
          choose={(value) => (wanted.value = value)}
          choices={[...sets.keys()].map((name) => ({ value: name, title: dataTitle(name) }))}
        />
      </div>
      {lineage.value.failure !== undefined && <Notice>{lineage.value.failure}</Notice>}
      <div class="slab chart-frame">
        {entries.length > 0 && <Bubbles entries={entries} />}
        {entries.length === 0 && !lineage.value.waiting && !lineage.value.failure && (
          <p class="quiet">No checkpoint on this machine has a measured accuracy.</p>
        )}
      </div>
      <ol class="years">
        {entries.map((entry) => (
          <Entry key={entry.name} entry={entry} most={mostOf(entries)} />
        ))}
      </ol>
    </div>
  );
}

interface Most {
  readonly params: number;
  readonly macs: number;
}

function mostOf(entries: readonly LineageEntry[]): Most {
  return {
    params: Math.max(...entries.map(({ params }) => params)),
    macs: Math.max(...entries.map(({ macs }) => macs)),
  };
}

interface EntryProps {
  readonly entry: LineageEntry;
  readonly most: Most;
}

function Entry({ entry, most }: EntryProps) {
  const { name, title, year, paper, params, macs, top1, place } = entry;
  return (
    <li class="year slab">
      <span class="year-number">{year}</span>
      <div class="year-text">
        <h2>
          <Mosaic name={name} /> {shortTitle(title)}
        </h2>
        <p class="small quiet">{place === "trained" ? `${paper}; trained here` : paper}</p>
        <p>{noveltyOf(name)}</p>
      </div>
      <dl>
        <Figure name="Accuracy" value={`${top1.toFixed(1)} %`} share={top1 / 100} />
        <Figure name="Parameters" value={count(params)} share={params / most.params} />
        <Figure name="Multiplications" value={count(macs)} share={macs / most.macs} />
      </dl>
      <a class="small" href={hrefOfModel(name)}>
        Look inside
      </a>
    </li>
  );
}

function Figure({
  name,
  value,
  share,
}: {
  readonly name: string;
  readonly value: string;
  readonly share: number;
}) {
  return (
    <div>
      <dt class="small quiet">{name}</dt>
      <dd>{value}</dd>
      <span class="amount-bar" style={{ width: `${share * 100}%` }} aria-hidden="true" />
    </div>
  );
}
