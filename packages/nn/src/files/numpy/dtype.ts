/** NumPy's element types: `<f4`, `|b1`, `>i8` and so on. */
import { CheckpointError, showName } from "../error.ts";
import { isStoredDType, type StoredDType } from "../stored-dtype.ts";

export interface NumpyElement {
  readonly dtype: StoredDType;
  readonly bigEndian: boolean;
}

const KINDS = new Map([
  ["b1", "BOOL"],
  ["?", "BOOL"],
  ["c8", "C64"],
  ["c16", "C128"],
]);

/** @throws CheckpointError for objects, strings, times, structures and other non-numeric types */
export function parseNumpyDType(text: string): NumpyElement {
  const [, order = "", kind = ""] = /^([<>=|]?)(.*)$/s.exec(text) ?? [];
  const numeric = /^[iuf][1248]$/.test(kind) ? `${kind[0]}${8 * Number(kind[1])}`.toUpperCase() : undefined;
  const dtype = KINDS.get(kind) ?? numeric ?? "";
  if (isStoredDType(dtype)) return { dtype, bigEndian: order === ">" };
  if (kind.startsWith("O"))
    throw new CheckpointError("an array of Python objects: only arrays of numbers can be read");
  throw new CheckpointError(`NumPy type ${showName(text)}: only numbers and booleans can be read`);
}
