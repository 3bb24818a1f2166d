/** Names that somebody mistyped, for Node and browsers (`@tessera-ml/hub/names`). */
import { distance } from "fastest-levenshtein";
import { HubError } from "./error.ts";

/** `ResNet-50` and `resnet_50` are the same word to a person. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** The names most like `wanted`, the likest first: those that contain it, else those few letters away. */
export function closest(wanted: string, names: readonly string[], most: number = 3): string[] {
  const word = plain(wanted);
  const scored = names.map((name) => {
    const other = plain(name);
    const contained = word.length >= 3 && (other.includes(word) || word.includes(other));
    // What is left over costs little, so that "resnet" finds "resnet18" before "senet", and "convnet" "convnext_tiny".
    const rest = Math.abs(other.length - word.length) / 10;
    const beginning = distance(word, other.slice(0, word.length)) + rest;
    const cost = Math.min(contained ? rest : Number.POSITIVE_INFINITY, beginning, distance(word, other));
    return { name, cost };
  });
  return scored
    .filter(({ cost }) => cost <= Math.max(2, word.length / 3))
    .toSorted((a, b) => a.cost - b.cost)
    .slice(0, most)
    .map(({ name }) => name);
}

/** The error for a name nobody knows: `what` is "model", "data set", …, `list` the command that shows them all. */
export function unknownName(what: string, wanted: string, names: readonly string[], list: string): HubError {
  const near = closest(wanted, names);
  const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
  return new HubError(
    "unknown-name",
    `no ${what} is called ${JSON.stringify(wanted)}.${hint} \`${list}\` lists all.`,
  );
}
