/** What the map says of the points that the user set, and the distances that the user knows. */
import { mapOf } from "@tessera-ml/depth/outputs";
import { BinIcon, CloseIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import { type Depth, type Measured, MOST_TAPS, taps, valueAt } from "./state.ts";

const letter = (index: number) => String.fromCharCode(65 + index);

interface DistancesProps {
  readonly depth: Depth;
  readonly now: Measured;
}

export function Distances({ depth, now }: DistancesProps) {
  const { result, failure } = now;
  const all = taps.value;
  const map = mapOf(result);
  const relative = depth.result.kind === "disparity";
  return (
    <section class="distances" aria-labelledby="distances">
      <div class="depth-head">
        <h2 id="distances">Distances</h2>
        <button
          type="button"
          class="button"
          disabled={all.length >= MOST_TAPS}
          onClick={() => (taps.value = [...all, { x: 0.5, y: 0.5 }])}
        >
          Add a point
        </button>
        {all.length > 0 && (
          <button type="button" class="button" onClick={() => (taps.value = [])}>
            <BinIcon /> Clear
          </button>
        )}
      </div>
      {all.length === 0 && (
        <p class="quiet">
          Tap two points of the picture to compare them.
          {relative && " Enter how far away two of them are, and the map reads metres."}
        </p>
      )}
      {all.length > 0 && (
        <ol class="points" aria-label="Points">
          {all.map((tap, i) => (
            <li key={i}>
              <span class="point-name">{letter(i)}</span>
              <output aria-label={`Point ${letter(i)}`}>{reading(result.kind, valueAt(map, tap))}</output>
              {relative && (
                <label>
                  <span class="small quiet">known:</span>
                  <input
                    type="number"
                    min="0"
                    step="any"
                    placeholder="–"
                    aria-label={`Known distance of ${letter(i)} in metres`}
                    value={tap.distance ?? ""}
                    onInput={({ currentTarget }) => know(i, currentTarget.value)}
                  />
                  <span class="small quiet">m</span>
                </label>
              )}
              <button
                type="button"
                class="bare"
                aria-label={`Remove point ${letter(i)}`}
                onClick={() => (taps.value = all.filter((_, j) => j !== i))}
              >
                <CloseIcon />
              </button>
            </li>
          ))}
        </ol>
      )}
      {all.length >= 2 && (
        <p role="status" class="comparison">
          {comparison(result.kind, valueAt(map, all[0]!), valueAt(map, all[1]!))}
        </p>
      )}
      {failure !== undefined && <Notice>{failure}</Notice>}
      {relative && result.kind === "metric" && result.alignment && (
        <p class="small quiet">{alignmentNote(result.alignment)}</p>
      )}
    </section>
  );
}

/** Leaves the distance out while the field does not say one. */
function know(index: number, text: string): void {
  const distance = Number(text);
  const known = text.trim() !== "" && distance > 0 ? distance : undefined;
  taps.value = taps.value.map((tap, i) => (i === index ? { ...tap, distance: known } : tap));
}

function reading(kind: "disparity" | "metric", value: number): string {
  if (!Number.isFinite(value)) return "no value";
  return kind === "metric" ? metres(value) : `disparity ${Number(value.toPrecision(3))}`;
}

function metres(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} m`;
}

function comparison(kind: "disparity" | "metric", a: number, b: number): string {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return "One of the two points has no value.";
  if (kind === "metric") {
    const [near, far] = a <= b ? (["A", "B"] as const) : (["B", "A"] as const);
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    if (low === high) return "A and B are equally far away.";
    return `${far} is ${(high / low).toFixed(2)} times as far away as ${near}: ${metres(high - low)} farther.`;
  }
  if (a === b) return "A and B have the same disparity: they are equally far away.";
  const [near, far] = a > b ? (["A", "B"] as const) : (["B", "A"] as const);
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  const ratio =
    low > 0 ? `its disparity is ${(high / low).toFixed(2)} times that of ${far}` : `${far} has none`;
  return (
    `${near} is nearer than ${far}: ${ratio}. That is not the ratio of their distances, because the map is known ` +
    "only up to a scale and a shift; enter the distances of two points for metres."
  );
}

function alignmentNote({
  points,
  expectedError,
}: {
  points: number;
  expectedError?: number | undefined;
}): string {
  const from = `Metres from ${points} known distances.`;
  if (expectedError === undefined)
    return `${from} Two points fix scale and shift exactly; a third tells the error.`;
  return `${from} Left out one at a time, they are off by ${(expectedError * 100).toFixed(1)} % on average: expect that elsewhere.`;
}
