/** Promptable segmentation: objects of a picture by clicks and boxes. */
import type { SystemProps } from "../../systems.ts";
import { SegmentView } from "./segment.tsx";
import "./segment.css";

export default function MaskGeneration({ task }: SystemProps) {
  return <SegmentView task={task} />;
}
