/** Parsing golden files; errors say where the file is invalid. */
import type { FillRule } from "./fill.ts";
import type { Probe } from "./probe.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * @param where the position in the file, for error messages: `vits14.outputs.final`
 * @throws TypeError
 */
export function readProbe(json: unknown, where: string): Probe {
  const probe = record(json, where);
  const shape = numbers(probe.shape, `${where}.shape`);
  const values = numbers(probe.values, `${where}.values`);
  const [mean, std, step] = [
    number(probe, "mean", where),
    number(probe, "std", where),
    number(probe, "step", where),
  ];
  const size = shape.reduce((a, b) => a * b, 1);
  if (!Number.isInteger(step) || step < 1)
    throw new TypeError(`${where}.step: expected a positive integer, got ${step}`);
  if ((values.length - 1) * step >= size || values.length === 0)
    throw new TypeError(
      `${where}.values: expected 1 to ${Math.ceil(size / step)} values (${size} entries, step ${step}), got ${values.length}`,
    );
  return {
    shape,
    mean,
    std,
    step,
    values,
    ...(probe.argmax === undefined ? {} : { argmax: number(probe, "argmax", where) }),
    ...(probe.spread === undefined ? {} : { spread: number(probe, "spread", where) }),
  };
}

/** Probes by name, in file order. */
export function readProbes(json: unknown, where: string): Map<string, Probe> {
  return new Map(
    Object.entries(record(json, where)).map(([name, probe]) => [name, readProbe(probe, `${where}.${name}`)]),
  );
}

const RULE_FIELDS = new Set(["match", "leaf", "keep", "value", "scale", "offset", "gain", "add", "mul"]);

/**
 * Fill rules. A rule applies to keys that contain a match of a regular expression (`match`), or whose last part
 * is `leaf`; `add` and `mul` are aliases of `offset` and `gain`.
 */
export function readRules(json: unknown, where: string): FillRule[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) throw new TypeError(`${where}: expected a list of rules, got ${show(json)}`);
  return json.map((entry: unknown, i): FillRule => {
    const at = `${where}[${i}]`;
    const rule = record(entry, at);
    for (const field of Object.keys(rule))
      if (!RULE_FIELDS.has(field))
        throw new TypeError(
          `${at}: unknown field "${field}", expected one of ${[...RULE_FIELDS].join(", ")}`,
        );
    const { match, leaf } = rule;
    const pattern =
      typeof match === "string"
        ? match
        : typeof leaf === "string"
          ? `(^|\\.)${RegExp.escape(leaf)}$`
          : undefined;
    if (pattern === undefined) throw new TypeError(`${at}: expected match or leaf, got ${show(entry)}`);
    if (rule.keep) return { match: new RegExp(pattern), keep: true };
    const given = (field: string) => (rule[field] === undefined ? undefined : number(rule, field, at));
    const [value, scale] = [given("value"), given("scale")];
    if (value !== undefined) return { match: new RegExp(pattern), value };
    if (scale !== undefined) return { match: new RegExp(pattern), scale };
    const [offset, gain] = [given("offset") ?? given("add"), given("gain") ?? given("mul")];
    return { match: new RegExp(pattern), offset: offset ?? 0, gain: gain ?? 1 };
  });
}

/** A JSON object. */
export function record(json: unknown, where: string): Json {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new TypeError(`${where}: expected an object, got ${show(json)}`);
  return json as Json;
}

/** A numeric field of an object. */
export function number(json: Json, field: string, where: string): number {
  const value = json[field];
  if (typeof value !== "number")
    throw new TypeError(`${where}.${field}: expected a number, got ${show(value)}`);
  return value;
}

/** A list of numbers. */
export function numbers(json: unknown, where: string): number[] {
  if (!Array.isArray(json) || !json.every((entry) => typeof entry === "number"))
    throw new TypeError(`${where}: expected a list of numbers, got ${show(json)}`);
  return json;
}

function show(json: unknown): string {
  const text = JSON.stringify(json) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
