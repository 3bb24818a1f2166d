import { HubError } from "./error.ts";

/** One file of a data set. */
export interface DataFile {
  /** name in the cache */
  readonly file: string;
  /** the split that needs it; every split if absent */
  readonly split?: string | undefined;
  /** where it is published: its home first, then mirrors */
  readonly urls: readonly string[];
  /** bytes */
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  /** SHA-256 of the uncompressed content of a `.gz`, which does not depend on the program that compressed it */
  readonly contentSha256?: string | undefined;
  /** path under the shared data folder */
  readonly shared?: string | undefined;
}

/** The files of a data set in one published form. */
export interface Form {
  readonly files: readonly DataFile[];
  /** how to read them: a format known to the package of the data set */
  readonly format: string;
}

/** What is known about a data set of any kind. Each kind extends this with its own fields. */
export interface DatasetRecord {
  /** the kind of its samples, which determines the reader */
  readonly kind: string;
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly home: string;
  readonly reference: string;
  /** The same data in different forms: the first complete one is read, the first one with URLs is downloaded. */
  readonly forms: readonly [Form, ...Form[]];
  /** samples in each split */
  readonly splits?: Readonly<Record<string, number>> | undefined;
  readonly note?: string | undefined;
}

/** The files of a form that a split needs. */
export function filesOf(form: Form, split?: string): readonly DataFile[] {
  return form.files.filter((file) => split === undefined || file.split === undefined || file.split === split);
}

/** Samples in a split. Throws `unknown-name` if the data set has no such split. */
export function countOf({ name, splits = {} }: DatasetRecord, split: string): number {
  const count = splits[split];
  if (count !== undefined) return count;
  const known = Object.keys(splits).join(" or ");
  throw new HubError("unknown-name", `${name} has no split ${split}; expected ${known}`);
}
