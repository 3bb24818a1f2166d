/** The three masks that a prompt may mean, to take another than the likeliest. */
import { useMemo } from "preact/hooks";
import { colorOf, usePainted } from "./paint.ts";
import { current, type Found, takeGuess } from "./state.ts";

export function Guesses({ found }: { readonly found: readonly Found[] }) {
  const thing = current.value;
  const guesses = found.find(({ id }) => id === thing.id)?.guesses ?? [];
  if (guesses.length < 2) return null;
  return (
    <fieldset class="guesses">
      <legend class="small quiet">It may mean</legend>
      {guesses.map((guess, i) => (
        <button
          key={i}
          type="button"
          class="guess"
          aria-pressed={thing.guess === i}
          aria-label={`Guess ${i + 1}, estimated IoU ${guess.iou.toFixed(2)}`}
          onClick={() => takeGuess(i)}
        >
          <Thumb guess={guess} id={thing.id} />
          <span class="small">{guess.iou.toFixed(2)}</span>
        </button>
      ))}
    </fieldset>
  );
}

function Thumb({ guess: { mask }, id }: { readonly guess: Found["guesses"][number]; readonly id: number }) {
  const layers = useMemo(() => [{ mask, color: colorOf(id), alpha: 255 }], [mask, id]);
  const canvas = usePainted(layers);
  return <canvas ref={canvas} />;
}
