/**
 * Claims of the papers as experiments of minutes: `tessera study NAME`. Node only.
 *
 * @packageDocumentation
 */
export { findStudy, listStudies } from "./list.ts";
export { studyReport } from "./report.ts";
export type { Curve, Finding, Plot, Study, StudyOptions, StudyResult, Table } from "./study.ts";
