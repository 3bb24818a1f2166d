import { resolve } from "node:path";
import * as z from "zod";

/**
 * A schema for an option that names a file or folder: relative paths are resolved against the working directory.
 *
 * @param value how help calls it
 */
export function pathOption(value = "path"): z.ZodString {
  return z
    .string()
    .min(1)
    .overwrite((path) => resolve(path))
    .meta({ value, path: true });
}
