/**
 * The named checkpoints of classifiers. Node only: some of the records are files.
 *
 * @packageDocumentation
 */

export { classifierRecords, findRecord, readClassifierRecord, shippedClassifiers } from "./registry.ts";
