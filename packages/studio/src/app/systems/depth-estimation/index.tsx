/** Depth estimation: maps of one or several networks, a relief, distances, the camera live, and the inside. */
import { Views } from "../../parts/views.tsx";
import type { SystemProps } from "../../systems.ts";
import { DepthView } from "./depth.tsx";
import { InsideView } from "./inside.tsx";
import { LiveView } from "./live.tsx";
import "./depth.css";

const VIEWS = [
  { view: "", title: "Depth" },
  { view: "live", title: "Live" },
  { view: "inside", title: "Look inside" },
] as const;

export default function DepthEstimation({ task, path: [wanted = "", name] }: SystemProps) {
  const { view } = VIEWS.find((each) => each.view === wanted) ?? VIEWS[0];
  return (
    <>
      <Views task={task} views={VIEWS} current={view} />
      {view === "" && <DepthView task={task} />}
      {view === "live" && <LiveView task={task} />}
      {view === "inside" && <InsideView task={task} name={name} />}
    </>
  );
}
