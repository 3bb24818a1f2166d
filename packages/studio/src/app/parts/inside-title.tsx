/** The network that a page looks into, and the choice of another. */
import type { ModelInfo } from "../../api/index.ts";
import { count, origin, shortTitle } from "../format.ts";
import { hrefOf } from "../route.ts";
import { Mosaic } from "./mosaic.tsx";
import "../styles/inside.css";

interface InsideTitleProps<M extends ModelInfo> {
  readonly model: M | undefined;
  readonly command: string;
  /** To choose from, by the titles of groups; a single group needs none. */
  readonly groups: ReadonlyMap<string, readonly M[]>;
  /** What else is to be known of the network. */
  readonly facts?: (model: M) => string;
}

export function InsideTitle<M extends ModelInfo>({ model, command, groups, facts }: InsideTitleProps<M>) {
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
