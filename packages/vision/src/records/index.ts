/**
 * Named checkpoints of classifiers. Node only: some records are files.
 *
 * @packageDocumentation
 */

export { classifierRecords, findRecord, readClassifierRecord, shippedClassifiers } from "./registry.ts";
