/** Inside one network: its parts, what comes out of them, where it looked, and its layers. */
import { useComputed, useSignal } from "@preact/signals";
import type { TaskInfo } from "../../../api/index.ts";
import { SAMPLES } from "../../media/samples.tsx";
import { useAnswer } from "../../parts/answer.ts";
import { InsidePage } from "../../parts/inside-page.tsx";
import { Notice } from "../../parts/notice.tsx";
import { route } from "../../route.ts";
import { engine } from "../../state.ts";
import { groupOf } from "./cards.tsx";
import { Attention } from "./inside/attention.tsx";
import { Features } from "./inside/features.tsx";
import { Gradcam } from "./inside/gradcam.tsx";
import { Layers } from "./inside/layers.tsx";
import { isMap, Parts, telling } from "./inside/parts.tsx";
import { compared, networks } from "./state.ts";
import "./inside.css";

interface InsideProps {
  readonly task: TaskInfo;
  /** The network; default the first of those compared. */
  readonly name: string | undefined;
}

export function InsideView({ task, name }: InsideProps) {
  const model = useComputed(() => {
    const asked = route.value.path[1];
    const found = networks.value.find((each) => each.name === (asked ?? compared.value[0]));
    return found ?? (asked === undefined ? networks.value[0] : undefined);
  });
  const wanted = useSignal<string | undefined>(undefined);
  const detail = useAnswer(() => model.value && engine.value?.model(model.value.name));
  const parts = useComputed(() =>
    detail.value.value?.model.name === model.value?.name ? detail.value.value?.parts : undefined,
  );
  const part = useComputed(() => {
    const list = parts.value ?? [];
    return (list.find((each) => each.name === wanted.value && isMap(each)) ?? telling(list))?.name;
  });

  return (
    <InsidePage
      name={name}
      model={model.value}
      command={task.command}
      groups={Map.groupBy(networks.value, (each) => groupOf(each).title)}
      facts={({ inputSize, classes }) => ` · reads ${inputSize} × ${inputSize} · ${classes.count} classes`}
      samples={SAMPLES}
    >
      {detail.value.failure !== undefined && <Notice>{detail.value.failure}</Notice>}
      <section class="slab" aria-labelledby="parts">
        <h2 id="parts">From picture to classes</h2>
        <p class="quiet small">
          Taller blocks have larger maps, wider ones more of them. Choose a part to see its maps.
        </p>
        <Parts parts={parts.value} selected={part.value} select={(name) => (wanted.value = name)} />
      </section>
      <div class="inside-two">
        <Gradcam task={task} model={model} part={part} />
        <Features model={model} part={part} />
      </div>
      {model.value?.family === "ViT" && <Attention model={model} />}
      <Layers layers={parts.value && detail.value.value?.layers} />
    </InsidePage>
  );
}
