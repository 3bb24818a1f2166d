/** Big-endian files. The host is little-endian, like every platform that runs JavaScript today. */
import type { ReadBytes } from "./stored.ts";
import { type StoredDType, storedBits } from "./stored-dtype.ts";

/** Reads big-endian elements as little-endian ones. */
export function swapped(dtype: StoredDType, read: ReadBytes): ReadBytes {
  // Complex numbers are pairs.
  const unit = dtype === "C64" ? 4 : dtype === "C128" ? 8 : storedBits(dtype) / 8;
  if (unit <= 1) return read;
  return async (offset, length) => {
    const bytes = await read(offset, length);
    for (let start = 0; start < bytes.length; start += unit) bytes.subarray(start, start + unit).reverse();
    return bytes;
  };
}
