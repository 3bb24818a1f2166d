/** The objects that clicks belong to. */
import { CloseIcon } from "../../parts/icons.tsx";
import { cssOf } from "./paint.ts";
import {
  addThing,
  choose,
  current,
  type Found,
  isSaid,
  removeThing,
  rename,
  takenMask,
  things,
} from "./state.ts";

export function Objects({ found }: { readonly found: readonly Found[] }) {
  const all = things.value;
  return (
    <div class="objects">
      <ul aria-label="Objects of the picture">
        {all.map((thing) => {
          const mask = takenMask(thing, found);
          return (
            <li key={thing.id} class={thing.id === current.value.id ? "object chosen" : "object"}>
              <button
                type="button"
                class="object-colour"
                style={{ background: cssOf(thing.id) }}
                aria-pressed={thing.id === current.value.id}
                aria-label={`Clicks belong to ${thing.name}`}
                onClick={() => choose(thing.id)}
              />
              <input
                value={thing.name}
                aria-label={`Name of ${thing.name}`}
                onFocus={() => choose(thing.id)}
                onChange={({ currentTarget }) => rename(thing.id, currentTarget.value.trim() || thing.name)}
              />
              <span class="small quiet">
                {mask && isSaid(thing) ? share(mask.data) : thing.clicks.length === 0 ? "no clicks yet" : "…"}
              </span>
              <button
                type="button"
                class="bare"
                aria-label={`Remove ${thing.name}`}
                disabled={all.length === 1 && !isSaid(thing)}
                onClick={() => removeThing(thing.id)}
              >
                <CloseIcon />
              </button>
            </li>
          );
        })}
      </ul>
      <button type="button" class="button" disabled={!isSaid(all.at(-1)!)} onClick={addThing}>
        Another object
      </button>
    </div>
  );
}

/** Of the picture that a mask covers. */
function share(data: Uint8Array): string {
  let inside = 0;
  for (const value of data) inside += value;
  return inside === 0 ? "nothing found" : `${((100 * inside) / data.length).toFixed(1)} % of the picture`;
}
