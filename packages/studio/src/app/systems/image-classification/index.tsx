/** Image classification: networks side by side, inside one of them, and their history. */
import { Views } from "../../parts/views.tsx";
import type { SystemProps } from "../../systems.ts";
import { ClassifyView } from "./classify.tsx";
import { InsideView } from "./inside.tsx";
import { LineageView } from "./lineage.tsx";

const VIEWS = [
  { view: "", title: "Compare" },
  { view: "inside", title: "Look inside" },
  { view: "lineage", title: "Lineage" },
] as const;

export default function ImageClassification({ task, path: [wanted = "", name] }: SystemProps) {
  const { view } = VIEWS.find((each) => each.view === wanted) ?? VIEWS[0];
  return (
    <>
      <Views task={task} views={VIEWS} current={view} />
      {view === "" && <ClassifyView task={task} />}
      {view === "inside" && <InsideView task={task} name={name} />}
      {view === "lineage" && <LineageView />}
    </>
  );
}
