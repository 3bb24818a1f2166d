/** A page that looks into a network: which one, the choice of another, and the picture that it is shown. */
import type { ComponentChildren } from "preact";
import type { ModelInfo } from "../../api/index.ts";
import { count, origin, shortTitle } from "../format.ts";
import type { Sample } from "../media/samples.tsx";
import { PictureStrip } from "../media/strip.tsx";
import { hrefOf } from "../route.ts";
import { Mosaic } from "./mosaic.tsx";
import { Notice } from "./notice.tsx";
import "../styles/inside.css";

interface InsideTitleProps<M extends ModelInfo> {
  readonly model: M | undefined;
  readonly command: string;
  /** To choose from, by the titles of groups; a single group needs none. */
  readonly groups: ReadonlyMap<string, readonly M[]>;
  /** What else is to be known of the network. */
  readonly facts?: (model: M) => string;
}

interface InsidePageProps<M extends ModelInfo> extends InsideTitleProps<M> {
  /** The network that was asked for, if any. */
  readonly name: string | undefined;
  readonly samples: readonly Sample[];
  readonly children: ComponentChildren;
}

export function InsidePage<M extends ModelInfo>({ name, samples, children, ...title }: InsidePageProps<M>) {
  const { model, command, groups } = title;
  const areListed = [...groups.values()].some((members) => members.length > 0);
  if (name !== undefined && areListed && !model)
    return (
      <Notice>
        There is no network “{name}” here. <a href={hrefOf(command, "inside")}>Show one that is.</a>
      </Notice>
    );
  return (
    <div class="view">
      <div class="inside-head">
        <InsideTitle {...title} />
        <PictureStrip command={command} samples={samples} />
      </div>
      {children}
    </div>
  );
}

function InsideTitle<M extends ModelInfo>({ model, command, groups, facts }: InsideTitleProps<M>) {
  return (
    <div class="title">
      <Mosaic name={model?.name ?? ""} />
      <div>
        <h1>{model ? shortTitle(model.title) : "Look inside"}</h1>
        <p class="quiet">{model ? `${model.paper}, ${model.year}` : " "}</p>
        <p class="quiet small">
          {model &&
            `${count(model.params)} parameters${model.macs ? ` · ${count(model.macs)} multiplications` : ""}${facts?.(model) ?? ""}`}
        </p>
      </div>
      <label class="choose">
        <span class="hidden">Network</span>
        <select
          value={model?.name}
          onChange={({ currentTarget }) => (location.hash = hrefOf(command, "inside", currentTarget.value))}
        >
          {[...groups].map(([group, members]) => {
            const options = members.map((each) => (
              <option key={each.name} value={each.name}>
                {shortTitle(each.title)}, {origin(each)}
              </option>
            ));
            return groups.size === 1 ? (
              options
            ) : (
              <optgroup key={group} label={group}>
                {options}
              </optgroup>
            );
          })}
        </select>
      </label>
    </div>
  );
}
