/** Classifier records by name. Node only. */
import { readRecordAs, shippedRecordsOf } from "@tessera-ml/hub";
import { findRecord as find } from "@tessera-ml/kit";
import { publishedRecords } from "./published.ts";
import { type ClassifierRecord, classifierSchema, TASK } from "./record.ts";

/** Reads a classifier's `record.json`. @throws HubError `bad-data` naming the file and the field */
export function readClassifierRecord(path: string): ClassifierRecord {
  return readRecordAs(classifierSchema, path);
}

/** The classifiers among the checkpoints that ship with Tessera. */
export function shippedClassifiers(): ClassifierRecord[] {
  return shippedRecordsOf(TASK, classifierSchema);
}

/** All named checkpoints of classifiers: the shipped ones, then the published ones. */
export function classifierRecords(): ClassifierRecord[] {
  return [...shippedClassifiers(), ...publishedRecords];
}

/** @throws HubError `unknown-name` with the closest names */
export function findRecord(name: string): ClassifierRecord {
  return find(classifierRecords(), name);
}
