/** From 1989 to ConvNeXt, measured on the same data. */
import { useSignal } from "@preact/signals";
import type { LineageEntry } from "../../api/index.ts";
import { count, shortTitle } from "../format.ts";
import { noveltyOf } from "../parts/about.ts";
import { Bubbles } from "../parts/bubbles.tsx";
import { useAnswer } from "../parts/load.ts";
import { Mosaic } from "../parts/mosaic.tsx";
import { Notice } from "../parts/notice.tsx";
import { Segments } from "../parts/segments.tsx";
import { engine, hrefOf } from "../state.ts";

const DATA: Readonly<Record<string, string>> = {
  mnist: "MNIST digits",
  usps: "USPS digits",
  "drawn-digits": "Drawn digits",
  "cifar10-jpeg": "CIFAR-10",
  cifar10: "CIFAR-10, published",
  "imagenet-1k": "ImageNet, published",
};

export function LineageView() {
  const lineage = useAnswer(() => engine.value?.lineage());
  const wanted = useSignal<string | undefined>(undefined);
  const sets = setsOf(lineage.value.value ?? []);
  // What has most kinds of networks that can be run here tells most.
  const here = (entries: readonly LineageEntry[]) =>
    new Set(entries.filter(({ place }) => place !== "absent").map(({ family }) => family)).size;
  const largest = [...sets].toSorted(([, a], [, b]) => here(b) - here(a))[0]?.[0];
  const dataset = wanted.value ?? largest;
  const entries = (dataset === undefined ? undefined : sets.get(dataset)) ?? [];
  return (
    <div class="lineage">
      <div class="view-head">
        <div>
          <h1>The lineage</h1>
          <p class="quiet">
            What each generation added, measured on the same data. The area of a stone is its number of
            parameters.
          </p>
        </div>
        <Segments
          label="Data"
          value={dataset}
          choose={(value) => (wanted.value = value)}
          choices={[...sets.keys()].map((name) => ({ value: name, title: DATA[name] ?? name }))}
        />
      </div>
      {lineage.value.failure !== undefined && <Notice>{lineage.value.failure}</Notice>}
      <div class="slab chart-frame">
        {entries.length > 0 && <Bubbles entries={entries} />}
        {entries.length === 0 && !lineage.value.waiting && !lineage.value.failure && (
          <p class="quiet">No checkpoint on this machine says how accurate it is.</p>
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

/** By data. Of checkpoints that are only known, and not here, the most accurate of each family stands for all. */
function setsOf(entries: readonly LineageEntry[]): Map<string, readonly LineageEntry[]> {
  const sets = Map.groupBy(entries, ({ dataset }) => dataset);
  return new Map(
    [...sets].map(([dataset, all]) => {
      const best = new Map<string, LineageEntry>();
      for (const entry of all)
        if ((best.get(entry.family)?.top1 ?? 0) < entry.top1) best.set(entry.family, entry);
      return [dataset, all.filter((entry) => entry.place !== "absent" || best.get(entry.family) === entry)];
    }),
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
        <p class="small quiet">{paper}</p>
        <p>{noveltyOf(name)}</p>
      </div>
      <dl>
        <Figure name="Accuracy" value={`${top1.toFixed(1)} %`} share={top1 / 100} />
        <Figure name="Parameters" value={count(params)} share={params / most.params} />
        <Figure name="Multiplications" value={count(macs)} share={macs / most.macs} />
      </dl>
      {place === "absent" ? (
        <span class="small quiet">not here</span>
      ) : (
        <a class="small" href={hrefOf("inside", name)}>
          Look inside
        </a>
      )}
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
