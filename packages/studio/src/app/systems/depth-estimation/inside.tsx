/** Inside one network: what its encoder attends to, and how its decoder arrives at the map. */
import { useComputed } from "@preact/signals";
import type { TaskInfo } from "../../../api/index.ts";
import { PictureStrip } from "../../media/strip.tsx";
import { InsideTitle } from "../../parts/inside-title.tsx";
import { Notice } from "../../parts/notice.tsx";
import { hrefOf, route } from "../../route.ts";
import { Attention } from "./inside/attention.tsx";
import { Fusion } from "./inside/fusion.tsx";
import { SCENES } from "./samples.ts";
import { looked, networks } from "./state.ts";

interface InsideProps {
  readonly task: TaskInfo;
  /** The network; default the one whose map is shown. */
  readonly name: string | undefined;
}

export function InsideView({ task, name }: InsideProps) {
  const model = useComputed(() => {
    const asked = route.value.path[1];
    return networks.value.find((each) => each.name === (asked ?? looked.value));
  });
  if (name !== undefined && networks.value.length > 0 && !model.value)
    return (
      <Notice>
        There is no network “{name}” here. <a href={hrefOf(task.command, "inside")}>Show one that is.</a>
      </Notice>
    );
  return (
    <div class="view">
      <div class="inside-head">
        <InsideTitle
          model={model.value}
          command={task.command}
          groups={new Map([["Networks", networks.value]])}
        />
        <PictureStrip command={task.command} samples={SCENES} />
      </div>
      <Fusion model={model} />
      {model.value?.family.startsWith("Depth Anything") && <Attention model={model} />}
    </div>
  );
}
