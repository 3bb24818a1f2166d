/** What a tapped patch attends to, per block and head, and the tokens in three colours. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { ModelInfo } from "../../../../api/index.ts";
import { percent } from "../../../format.ts";
import { picture } from "../../../media/present.ts";
import { useAnswer } from "../../../parts/answer.ts";
import { Notice } from "../../../parts/notice.tsx";
import { engine } from "../../../state.ts";
import * as look from "../look.ts";

/** Of the picture's sides, for an arrow key: about a patch. */
const STEP = 1 / 37;

export function Attention({ model }: { readonly model: ReadonlySignal<ModelInfo | undefined> }) {
  const at = useSignal({ x: 0.5, y: 0.5 });
  /** Undefined is the last. */
  const block = useSignal<number | undefined>(undefined);
  const attention = useAnswer((signal) => {
    const [by, about, of] = [engine.value, picture.value, model.value?.name];
    const request = { ...at.value, block: block.value };
    return about && of
      ? by?.operate(look.attention, { model: of, input: about.blob, request, signal })
      : undefined;
  });
  const tokens = useAnswer((signal) => {
    const [by, about, of] = [engine.value, picture.value, model.value?.name];
    const request = { block: block.value };
    return about && of
      ? by?.operate(look.tokens, { model: of, input: about.blob, request, signal })
      : undefined;
  });
  const { value, waiting } = attention.value;
  const failure = attention.value.failure ?? tokens.value.failure;
  const about = picture.value;
  const ratio = about ? `${about.width} / ${about.height}` : "1";
  const within = (share: number) => Math.min(1, Math.max(0, share));
  return (
    <section class="slab attention" aria-labelledby="attention">
      <div class="attention-head">
        <h2 id="attention">What a patch attends to</h2>
        <span class="small quiet">Tap a place in the picture, and choose a block.</span>
      </div>
      {failure !== undefined && <Notice>{failure}</Notice>}
      {!about && <p class="quiet">Choose a picture above.</p>}
      {about && (
        <div class={waiting ? "attention-body waiting" : "attention-body"} aria-busy={waiting}>
          <div class="attention-side">
            <figure>
              <button
                type="button"
                class="attention-picture"
                style={{ aspectRatio: ratio }}
                aria-label="The patch that is looked at; arrow keys move it"
                onClick={(event) => {
                  // A key press has no place.
                  if (event.detail === 0) return;
                  const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
                  at.value = {
                    x: within((event.clientX - left) / width),
                    y: within((event.clientY - top) / height),
                  };
                }}
                onKeyDown={(event) => {
                  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
                    event.key
                  ];
                  if (!by) return;
                  event.preventDefault();
                  const { x, y } = at.value;
                  at.value = { x: within(x + by[0]! * STEP), y: within(y + by[1]! * STEP) };
                }}
              >
                <img src={about.url} alt="" />
                <span
                  class="attention-point"
                  style={{ left: `${at.value.x * 100}%`, top: `${at.value.y * 100}%` }}
                />
              </button>
              <figcaption class="small quiet">
                {value
                  ? `Patch ${value.patch.row + 1}, ${value.patch.column + 1} of ${value.rows} × ${value.columns}`
                  : " "}
              </figcaption>
            </figure>
            <figure>
              <div class="attention-tokens" style={{ aspectRatio: ratio }}>
                {tokens.value.value && (
                  <img
                    src={tokens.value.value.png}
                    alt="Patch tokens: three principal components in colours"
                  />
                )}
              </div>
              <figcaption class="small quiet">
                Tokens of block {(tokens.value.value?.block ?? 0) + 1}: their three main directions as red,
                green and blue
                {tokens.value.value && `, ${percent(sum(tokens.value.value.shares))} of the variance`}
              </figcaption>
            </figure>
          </div>
          <div class="attention-maps">
            <h3>Blocks, all heads</h3>
            <div class="blocks">
              {value?.blocks.map((png, i) => (
                <button
                  key={i}
                  type="button"
                  class="map attention-map"
                  aria-pressed={i === value.block}
                  aria-label={`Block ${i + 1}`}
                  onClick={() => (block.value = i)}
                >
                  <img src={png} alt="" style={{ aspectRatio: ratio }} />
                  <span class="small quiet">{i + 1}</span>
                </button>
              ))}
            </div>
            <h3>Heads of block {(value?.block ?? 0) + 1}</h3>
            <div class="blocks">
              {value?.heads.map((png, i) => (
                <figure key={i} class="attention-map">
                  <img src={png} alt={`Head ${i + 1}`} style={{ aspectRatio: ratio }} />
                  <figcaption class="small quiet">{i + 1}</figcaption>
                </figure>
              ))}
            </div>
          </div>
        </div>
      )}
    </section>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
