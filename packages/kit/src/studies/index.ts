/**
 * Studies: claims from papers as experiments that take minutes, and their reports.
 *
 * @packageDocumentation
 */
export { defineStudy, StudyContext, type StudyDefinition, type StudyMeasured } from "./define.ts";
export { studyReport } from "./report.ts";
export type { Curve, Finding, Plot, Study, StudyOptions, StudyResult, Table } from "./study.ts";
