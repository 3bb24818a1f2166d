/** Options declared by a zod schema: what recipes and commands take. Node only. */
import { basename } from "node:path";
import type * as z from "zod";

/** Option values before validation, by name. */
export type OptionValues = Readonly<Record<string, unknown>>;

/** A schema's field without its optional and default wrappers. */
export interface OptionField {
  readonly schema: z.ZodType;
  /** zod's name of the type: `string`, `number`, `boolean`, `enum`, `array`. */
  readonly kind: string;
  /** The default; undefined if there is none. */
  readonly fallback: unknown;
  /** `description`, `short` (one letter), `value` (how help calls the value). */
  readonly meta: Readonly<Record<string, unknown>>;
  /** Of an array. */
  readonly element?: OptionField;
}

export function optionField(type: z.ZodType): OptionField {
  const def = type.def as {
    type: string;
    innerType?: z.ZodType;
    defaultValue?: unknown;
    element?: z.ZodType;
  };
  const meta = type.meta() ?? {};
  if (def.innerType === undefined) {
    const element = def.element && optionField(def.element);
    return { schema: type, kind: def.type, fallback: undefined, meta, ...(element && { element }) };
  }
  const inner = optionField(def.innerType);
  return {
    ...inner,
    fallback: def.type === "default" ? def.defaultValue : inner.fallback,
    meta: { ...inner.meta, ...meta },
  };
}

/** `maxNewTokens` → `max-new-tokens` */
export function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Validates option values and fills in defaults. An absent schema means that there are no options.
 *
 * @param owner begins the message of an error: the name of the recipe
 * @throws RangeError naming the option
 */
export function parseOptions<S extends z.ZodObject>(
  owner: string,
  schema: S | undefined,
  values: OptionValues = {},
): z.output<S> {
  if (!schema) {
    const [name] = Object.keys(values);
    if (name !== undefined) throw new RangeError(`${owner} has no option ${name}`);
    return {} as z.output<S>;
  }
  const found = schema.strict().safeParse(values);
  if (found.success) return found.data as z.output<S>;
  const issue = found.error.issues[0]!;
  if (issue.code === "unrecognized_keys")
    throw new RangeError(`${owner} has no option ${issue.keys.join(", ")}`);
  throw new RangeError(
    `${owner}: option ${issue.path.join(".")}: ${describeIssue(issue, values[String(issue.path[0])])}`,
  );
}

/** What is wrong with an option, after its name. @param value what was given */
export function describeIssue(issue: { readonly message: string }, value: unknown): string {
  return value === undefined ? "expected a value, got none" : issue.message.replace(/^Invalid input: /, "");
}

/** The flags that give the values which differ from the schema's defaults. Of paths, the last part. */
export function flagsOf(schema: z.ZodObject, values: OptionValues): string[] {
  const flags: string[] = [];
  for (const [name, type] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    const field = optionField(type);
    const usual = type.safeParse(undefined).data;
    const value = values[name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(usual)) continue;
    if (typeof value === "boolean") {
      if (value || field.fallback === true) flags.push(`--${value ? "" : "no-"}${flagOf(name)}`);
      continue;
    }
    const { meta } = field.element ?? field;
    for (const each of Array.isArray(value) ? value : [value])
      flags.push(`--${flagOf(name)} ${quoted(meta.path ? basename(String(each)) : String(each))}`);
  }
  return flags;
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
