/** What each chosen network makes of the picture, side by side. */
import { useSignal } from "@preact/signals";
import { count, milliseconds, origin, shortTitle } from "../format.ts";
import { Bars } from "../parts/bars.tsx";
import { Cards } from "../parts/cards.tsx";
import { Mosaic } from "../parts/mosaic.tsx";
import { Notice } from "../parts/notice.tsx";
import { Stage } from "../picture/stage.tsx";
import { answers, chosen, hrefOf, models, picture } from "../state.ts";

export function ClassifyView() {
  const looked = useSignal<string | undefined>(undefined);
  const seenBy =
    looked.value !== undefined && chosen.value.includes(looked.value) ? looked.value : chosen.value[0];
  const answer = picture.value && seenBy !== undefined ? answers.value.get(seenBy) : undefined;
  return (
    <>
      <h1 class="hidden">Classify a picture</h1>
      <div class="classify">
        <Stage seen={answer?.waiting ? undefined : answer?.classification?.seen} />
        <div class="classify-right">
          <Cards />
          <section class="columns" aria-label="Answers" aria-live="polite">
            {chosen.value.map((name) => (
              <Column key={name} name={name} look={() => (looked.value = name)} />
            ))}
            {chosen.value.length === 0 && <p class="quiet">Choose a network above.</p>}
          </section>
        </div>
      </div>
    </>
  );
}

function Column({ name, look }: { readonly name: string; readonly look: () => void }) {
  const model = models.value.find((each) => each.name === name);
  const answer = picture.value ? answers.value.get(name) : undefined;
  if (!model) return null;
  return (
    <article
      class={answer?.waiting ? "column slab waiting" : "column slab"}
      onPointerEnter={look}
      onFocusIn={look}
      data-model={name}
    >
      <header>
        <Mosaic name={name} />
        <div>
          <h3 title={name}>{shortTitle(model.title)}</h3>
          <p class="small quiet">
            {origin(model)} · {count(model.params)} parameters
          </p>
        </div>
      </header>
      {answer?.failure === undefined ? (
        <Bars predictions={answer?.classification?.predictions} waiting={answer?.waiting ?? false} />
      ) : (
        <Notice>{answer.failure}</Notice>
      )}
      <footer class="small quiet">
        <span>{answer?.classification ? milliseconds(answer.classification.milliseconds) : " "}</span>
        <a href={hrefOf("inside", name)}>Look inside</a>
      </footer>
    </article>
  );
}
