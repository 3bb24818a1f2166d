/** A network as blocks in a row. */
import type { PartShape } from "../../../../api/index.ts";
import { shape } from "../../../format.ts";

/** Whether a part outputs maps or a grid of tokens, rather than one number per class. */
export function isMap({ shape: sides }: PartShape): boolean {
  return sides.length >= 3;
}

/** Smaller maps are too coarse to show where things are. */
const SIDE = 4;

/** The part to start with: the last one whose maps still show where things are. */
export function telling(parts: readonly PartShape[]): PartShape | undefined {
  const maps = parts.filter(isMap).filter((part) => sideOf(part) >= SIDE);
  // After a transformer's last block only the class token is read: no class depends on the others.
  const last = maps.at(-1)?.shape.length === 3 ? maps.at(-2) : maps.at(-1);
  return last ?? parts.findLast(isMap);
}

interface PartsProps {
  readonly parts: readonly PartShape[] | undefined;
  readonly selected: string | undefined;
  readonly select: (name: string) => void;
}

export function Parts({ parts = [], selected, select }: PartsProps) {
  const largest = Math.max(...parts.map(sideOf));
  return (
    <fieldset class="parts" aria-label="Parts">
      {parts.map((part) => (
        <button
          key={part.name}
          type="button"
          class="part"
          aria-pressed={selected === part.name}
          disabled={!isMap(part)}
          onClick={() => select(part.name)}
        >
          <span
            class="block"
            style={{
              height: `${Math.max(6, 96 * Math.sqrt(sideOf(part) / largest))}px`,
              width: `${Math.max(8, 9 * Math.log2(1 + channelsOf(part)))}px`,
            }}
          />
          <span class="part-name">{part.name}</span>
          <span class="small quiet">{shape(part.shape)}</span>
        </button>
      ))}
    </fieldset>
  );
}

/** Side of the maps, or of the grid of a ViT's tokens. */
function sideOf({ shape: [, first = 1, second, third] }: PartShape): number {
  if (third !== undefined) return third;
  return second === undefined ? 1 : Math.round(Math.sqrt(first));
}

function channelsOf({ shape: [, first = 1, second, third] }: PartShape): number {
  return second === undefined || third !== undefined ? first : second;
}
