/** Rendered scenes; `tools/depth-samples.ts` draws them. */
import type { Sample } from "../../media/samples.tsx";
import fence from "./samples/fence.webp";
import house from "./samples/house.webp";
import room from "./samples/room.webp";
import study from "./samples/study.webp";

export const SCENES: readonly Sample[] = [
  { name: "a study", kind: "photo", draw: study },
  { name: "a room", kind: "photo", draw: room },
  { name: "a house", kind: "photo", draw: house },
  { name: "a fence", kind: "photo", draw: fence },
];
