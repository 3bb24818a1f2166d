/** What the class token of a Vision Transformer looks at. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { ModelInfo } from "../../../../api/index.ts";
import { picture } from "../../../media/present.ts";
import { useAnswer } from "../../../parts/answer.ts";
import { Notice } from "../../../parts/notice.tsx";
import { Segments } from "../../../parts/segments.tsx";
import { engine } from "../../../state.ts";
import * as look from "../look.ts";

export function Attention({ model }: { readonly model: ReadonlySignal<ModelInfo | undefined> }) {
  /** Undefined is the mean of all heads. */
  const head = useSignal<number | undefined>(undefined);
  const attention = useAnswer((signal) => {
    const [by, about, of] = [engine.value, picture.value, model.value?.name];
    return about && of ? by?.operate(look.attention, { model: of, input: about.blob, signal }) : undefined;
  });
  const { value, failure, waiting } = attention.value;
  const heads = value?.blocks[0]?.heads ?? [];
  return (
    <section class="slab attention" aria-labelledby="attention">
      <div class="attention-head">
        <h2 id="attention">What the class token attends to</h2>
        <Segments
          label="Head"
          value={head.value}
          choose={(value) => (head.value = value)}
          choices={[
            { value: undefined, title: "Mean" },
            ...heads.map((_, i) => ({ value: i, title: `${i + 1}`, hint: `Head ${i + 1}` })),
          ]}
        />
      </div>
      {failure !== undefined && <Notice>{failure}</Notice>}
      {!picture.value && <p class="quiet">Choose a picture above.</p>}
      <div class={waiting ? "attention-body waiting" : "attention-body"} aria-busy={waiting}>
        <figure>
          <div class="square">{value && <img src={value.rollout} alt="Attention rollout" />}</div>
          <figcaption class="small quiet">Rollout: all blocks combined</figcaption>
        </figure>
        <div class="blocks">
          {value?.blocks.map(({ block, heads: maps, mean }) => (
            <figure key={block}>
              <div class="square">
                <img
                  src={head.value === undefined ? mean : maps[head.value]}
                  alt={`Attention of block ${block + 1}`}
                />
              </div>
              <figcaption class="small quiet">{block + 1}</figcaption>
            </figure>
          ))}
        </div>
      </div>
    </section>
  );
}
