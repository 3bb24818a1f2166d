/**
 * Pseudo-labels: a teacher's maps of photographs, on which a student is trained. Node only.
 *
 * @packageDocumentation
 */
export type { Label, LabelList, MapFormat } from "./format.ts";
export { type PseudoLabelOptions, pseudoLabel } from "./label.ts";
export { openPseudoLabels, type PseudoLabels } from "./read.ts";
