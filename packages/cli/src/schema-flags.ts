/** Command-line options from a zod schema, and back. */
import { InvalidArgumentError, Option } from "commander";
import type * as z from "zod";
import { UsageError } from "./errors.ts";
import { several } from "./options.ts";

/** A command with any arguments. */
export interface Optional {
  addOption(option: Option): unknown;
}

/** A schema's field without its optional and default wrappers. */
interface Field {
  readonly schema: z.ZodType;
  readonly kind: string;
  readonly fallback: unknown;
}

function fieldOf(schema: z.ZodType): Field {
  const def = schema.def as { type: string; innerType?: z.ZodType; defaultValue?: unknown };
  if (def.innerType === undefined) return { schema, kind: def.type, fallback: undefined };
  const inner = fieldOf(def.innerType);
  return { ...inner, fallback: def.type === "default" ? def.defaultValue : inner.fallback };
}

/** `maxNewTokens` → `max-new-tokens` */
export function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Adds an option for every field of the schema; descriptions and short forms come from its `meta()`. */
export function addFlags(command: Optional, schema: { readonly shape: z.ZodRawShape }): void {
  for (const [name, type] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    const { schema: inner, kind, fallback } = fieldOf(type);
    const meta = { ...inner.meta(), ...type.meta() };
    const short = typeof meta.short === "string" ? `-${meta.short}, ` : "";
    const value = kind === "boolean" ? "" : ` <${valueName(kind)}>`;
    const option = new Option(`${short}--${flagOf(name)}${value}`, meta.description ?? "");
    if (kind === "number") option.argParser((text) => numberOf(text, inner));
    if (kind === "array")
      option.argParser((text: string, before: readonly string[] | undefined) => several(text, before));
    if (kind === "enum") option.choices((inner as z.ZodEnum).options.map(String));
    if (fallback !== undefined && kind !== "boolean") option.default(fallback);
    command.addOption(option);
  }
}

/**
 * Reads the schema's fields from a command's options, validated and with defaults.
 *
 * @throws UsageError naming the option
 */
export function readFlags<S extends z.ZodObject>(
  schema: S,
  flags: Readonly<Record<string, unknown>>,
): z.output<S> {
  const given = Object.entries(flags).filter(([name, value]) => name in schema.shape && value !== undefined);
  const { success, data, error } = schema.safeParse(Object.fromEntries(given));
  if (success) return data;
  const issue = error.issues[0]!;
  const option = `--${flagOf(String(issue.path[0]))}`;
  throw new UsageError(`${option}: ${issue.message.replace(/^Invalid input: /, "")}`);
}

function valueName(kind: string): string {
  return { number: "number", array: "value", enum: "choice" }[kind] ?? "text";
}

function numberOf(text: string, schema: z.ZodType): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && schema.safeParse(value).success) return value;
  throw new InvalidArgumentError(`Expected ${describeNumber(schema)}.`);
}

function describeNumber(schema: z.ZodType): string {
  const { minValue, maxValue, isInt } = schema as z.ZodNumber;
  const kind = isInt ? "a whole number" : "a number";
  const bounded = (bound: number | null) => bound !== null && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (bounded(minValue) && bounded(maxValue)) return `${kind} from ${minValue} to ${maxValue}`;
  if (bounded(minValue)) return `${kind} of at least ${minValue}`;
  return bounded(maxValue) ? `${kind} of at most ${maxValue}` : kind;
}
