/** Command-line options from a zod schema, and back. */
import { describeIssue, flagOf, type OptionField, optionField } from "@tessera-ml/kit/options";
import { InvalidArgumentError, Option } from "commander";
import type * as z from "zod";
import { UsageError } from "./errors.ts";

/** A command with any arguments. */
export interface Optional {
  addOption(option: Option): unknown;
}

/**
 * Adds an option for every field of the schema; descriptions and short forms come from its `meta()`. Arrays are
 * repeatable options, and a boolean that is true by default becomes `--no-NAME`.
 */
export function addFlags(command: Optional, schema: { readonly shape: z.ZodRawShape }): void {
  for (const [name, type] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    const field = optionField(type);
    const { schema: inner, kind, fallback, meta, element } = field;
    const short = typeof meta.short === "string" ? `-${meta.short}, ` : "";
    const no = kind === "boolean" && fallback === true ? "no-" : "";
    const value = kind === "boolean" ? "" : ` <${valueName(field)}>`;
    const description = [
      ...(typeof meta.description === "string" ? [meta.description] : []),
      ...(type.safeParse(undefined).success ? [] : ["(required)"]),
    ].join(" ");
    const option = new Option(`${short}--${no}${flagOf(name)}${value}`, description);
    if (kind === "number") option.argParser((text) => numberOf(text, inner));
    if (element) {
      const read = element.kind === "number" ? (text: string) => numberOf(text, element.schema) : String;
      // Commander passes the default as the value before the first.
      option.argParser((text: string, before: readonly unknown[] | undefined) => [
        ...(before === fallback ? [] : (before ?? [])),
        read(text),
      ]);
    }
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
  const name = String(issue.path[0]);
  throw new UsageError(`--${flagOf(name)}: ${describeIssue(issue, flags[name])}`);
}

function valueName({ kind, meta, element }: OptionField): string {
  const own = meta.value ?? element?.meta.value;
  if (typeof own === "string") return own;
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
