/** Inside one network: what its encoder attends to, and how its decoder arrives at the map. */
import { useComputed } from "@preact/signals";
import type { ModelInfo, TaskInfo } from "../../../api/index.ts";
import { count, origin, shortTitle } from "../../format.ts";
import { PictureStrip } from "../../media/strip.tsx";
import { Mosaic } from "../../parts/mosaic.tsx";
import { Notice } from "../../parts/notice.tsx";
import { hrefOf, route } from "../../route.ts";
import { Attention } from "./inside/attention.tsx";
import { Fusion } from "./inside/fusion.tsx";
import { SCENES } from "./samples.ts";
import { looked, networks } from "./state.ts";
import "../../styles/inside.css";

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
        <Title model={model.value} command={task.command} />
        <PictureStrip command={task.command} samples={SCENES} />
      </div>
      <Fusion model={model} />
      {model.value?.family.startsWith("Depth Anything") && <Attention model={model} />}
    </div>
  );
}

interface TitleProps {
  readonly model: ModelInfo | undefined;
  readonly command: string;
}

function Title({ model, command }: TitleProps) {
  return (
    <div class="title">
      <Mosaic name={model?.name ?? ""} />
      <div>
        <h1>{model ? shortTitle(model.title) : "Look inside"}</h1>
        <p class="quiet">{model ? `${model.paper}, ${model.year}` : " "}</p>
        <p class="quiet small">
          {model &&
            `${count(model.params)} parameters${model.macs ? ` · ${count(model.macs)} multiplications` : ""}`}
        </p>
      </div>
      <label class="choose">
        <span class="hidden">Network</span>
        <select
          value={model?.name}
          onChange={({ currentTarget }) => (location.hash = hrefOf(command, "inside", currentTarget.value))}
        >
          {networks.value.map((each) => (
            <option key={each.name} value={each.name}>
              {shortTitle(each.title)}, {origin(each)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
