/**
 * Studies: claims of papers as experiments of minutes, and their report.
 *
 * @packageDocumentation
 */
export { defineStudy, StudyContext, type StudyMeasured } from "./define.ts";
export { studyReport } from "./report.ts";
export type { Curve, Finding, Plot, Study, StudyOptions, StudyResult, Table } from "./study.ts";
