/** Suggestions for mistyped names, for Node and browsers (`@tessera-ml/hub/names`). */
import { distance } from "fastest-levenshtein";
import { HubError } from "./error.ts";

/** Normalizes spelling: `ResNet-50` and `resnet_50` are the same name. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** The names most similar to `wanted`, best first: those that contain it, else those within a few edits. */
export function closest(wanted: string, names: readonly string[], most: number = 3): string[] {
  const word = plain(wanted);
  const scored = names.map((name) => {
    const other = plain(name);
    const contained = word.length >= 3 && (other.includes(word) || word.includes(other));
    // Extra letters cost little, so that "resnet" finds "resnet18" before "senet", and "convnet" "convnext_tiny".
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

/** The error for an unknown name: `what` is "model", "data set", …, `list` the command that lists all names. */
export function unknownName(what: string, wanted: string, names: readonly string[], list: string): HubError {
  const near = closest(wanted, names);
  const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
  return new HubError(
    "unknown-name",
    `no ${what} is called ${JSON.stringify(wanted)}.${hint} \`${list}\` lists all.`,
  );
}
