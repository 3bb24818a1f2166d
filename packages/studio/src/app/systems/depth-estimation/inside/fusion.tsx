/** The four maps that the decoder gets, and what it reads after each fusion. */
import type { ReadonlySignal } from "@preact/signals";
import type { StagesAnswer } from "@tessera-ml/depth/schemas";
import type { ModelInfo } from "../../../../api/index.ts";
import { shape } from "../../../format.ts";
import { picture } from "../../../media/present.ts";
import { useAnswer } from "../../../parts/answer.ts";
import { Notice } from "../../../parts/notice.tsx";
import { engine } from "../../../state.ts";
import * as look from "../look.ts";

export function Fusion({ model }: { readonly model: ReadonlySignal<ModelInfo | undefined> }) {
  const stages = useAnswer((signal) => {
    const [by, about, of] = [engine.value, picture.value, model.value?.name];
    return about && of ? by?.operate(look.stages, { model: of, input: about.blob, signal }) : undefined;
  });
  const { value, failure, waiting } = stages.value;
  const reads = value?.fusions.some(({ shows }) => shows === "reading");
  return (
    <section class="slab fusion" aria-labelledby="fusion" aria-busy={waiting && picture.value !== undefined}>
      <h2 id="fusion">From four maps to depth</h2>
      {failure !== undefined && <Notice>{failure}</Notice>}
      {!picture.value && <p class="quiet">Choose a picture above.</p>}
      <p class="small quiet">
        The encoder hands over maps of four resolutions. The decoder starts with the coarsest and fuses one
        finer map after another.
      </p>
      <div class={waiting ? "fusion-rows waiting" : "fusion-rows"}>
        <Row
          title="Reassembled maps"
          hint="How strongly the channels respond"
          of={value?.stages.toReversed()}
          alt={({ stage }) => `Map of stage ${stage}`}
        />
        <Row
          title="After each fusion"
          hint={reads ? "What the last layers read here; red is near" : "How strongly the channels respond"}
          of={value?.fusions}
          alt={({ stage }) => `After the fusion of stage ${stage}`}
        />
        <Row
          title="What it adds"
          hint="Red: more than before. Blue: less"
          of={value?.fusions.map(({ change, ...rest }) => ({ ...rest, png: change }))}
          alt={({ stage }) => `What the fusion of stage ${stage} adds`}
        />
      </div>
    </section>
  );
}

interface Cell extends Pick<StagesAnswer["stages"][number], "stage" | "shape"> {
  readonly png?: string | undefined;
}

interface RowProps {
  readonly title: string;
  readonly hint: string;
  /** Coarse to fine. */
  readonly of: readonly Cell[] | undefined;
  readonly alt: (cell: Cell) => string;
}

function Row({ title, hint, of = [4, 3, 2, 1].map((stage) => ({ stage, shape: [] })), alt }: RowProps) {
  return (
    <div class="fusion-row">
      <div>
        <h3>{title}</h3>
        <p class="small quiet">{hint}</p>
      </div>
      {of.map((cell) => (
        <figure key={cell.stage}>
          <div class="fusion-map">
            {cell.png !== undefined && <img src={cell.png} alt={alt(cell)} />}
            {cell.png === undefined && cell.shape.length > 0 && <span class="small quiet">the start</span>}
          </div>
          <figcaption class="small quiet">{cell.shape.length > 0 ? shape(cell.shape) : " "}</figcaption>
        </figure>
      ))}
    </div>
  );
}
