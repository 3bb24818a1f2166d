/** Inside one network: what its encoder attends to, and how its decoder arrives at the map. */
import { useComputed } from "@preact/signals";
import type { TaskInfo } from "../../../api/index.ts";
import { InsidePage } from "../../parts/inside-page.tsx";
import { route } from "../../route.ts";
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
  return (
    <InsidePage
      name={name}
      model={model.value}
      command={task.command}
      groups={new Map([["Networks", networks.value]])}
      samples={SCENES}
    >
      <Fusion model={model} />
      {model.value?.family.startsWith("Depth Anything") && <Attention model={model} />}
    </InsidePage>
  );
}
