/** Networks side by side: what each makes of the picture. */

import { useSignal } from "@preact/signals";
import type { Rectangle } from "@tessera-ml/media";
import { useEffect } from "preact/hooks";
import type { TaskInfo } from "../../../api/index.ts";
import { count, milliseconds, origin, shortTitle } from "../../format.ts";
import { picture } from "../../media/present.ts";
import { SAMPLES } from "../../media/samples.tsx";
import { Stage } from "../../media/stage.tsx";
import { Mosaic } from "../../parts/mosaic.tsx";
import { Notice } from "../../parts/notice.tsx";
import { hrefOf } from "../../route.ts";
import { Bars } from "./bars.tsx";
import { Cards } from "./cards.tsx";
import { Pad } from "./pad.tsx";
import { answerAlong, answers, compared, networks } from "./state.ts";
import "./classify.css";

const INVITATION = { title: "Drop a photograph", hint: "paste one, choose a file, or draw a digit" };

export function ClassifyView({ task }: { readonly task: TaskInfo }) {
  useEffect(() => answerAlong(task), [task]);
  const looked = useSignal<string | undefined>(undefined);
  const seenBy =
    looked.value !== undefined && compared.value.includes(looked.value) ? looked.value : compared.value[0];
  const answer = picture.value && seenBy !== undefined ? answers.value.get(seenBy) : undefined;
  return (
    <>
      <h1 class="hidden">{task.title}</h1>
      <div class="classify">
        <Stage accepts={task.accepts} samples={SAMPLES} Pad={Pad} invitation={INVITATION}>
          {answer?.classification && !answer.waiting && <Seen {...answer.classification} />}
        </Stage>
        <div class="classify-right">
          <Cards />
          <section class="columns" aria-label="Answers" aria-live="polite">
            {compared.value.map((name) => (
              <Column key={name} name={name} command={task.command} look={() => (looked.value = name)} />
            ))}
            {compared.value.length === 0 && <p class="quiet">Choose a network above.</p>}
          </section>
        </div>
      </div>
    </>
  );
}

interface SeenProps {
  readonly seen: Rectangle;
  readonly image: { readonly width: number; readonly height: number };
}

/** A frame around what the network saw of the picture; the rest is dimmed. */
function Seen({ seen: { left, top, width, height }, image }: SeenProps) {
  return (
    <div
      class="seen"
      title="The part of the picture the network saw"
      style={{
        left: `${(left / image.width) * 100}%`,
        top: `${(top / image.height) * 100}%`,
        width: `${(width / image.width) * 100}%`,
        height: `${(height / image.height) * 100}%`,
      }}
    />
  );
}

interface ColumnProps {
  readonly name: string;
  readonly command: string;
  readonly look: () => void;
}

function Column({ name, command, look }: ColumnProps) {
  const model = networks.value.find((each) => each.name === name);
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
        <a href={hrefOf(command, "inside", name)}>Look inside</a>
      </footer>
    </article>
  );
}
