/** The part of JSON Schema that forms and answers need. */

export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly multipleOf?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Follows references and drops null from unions. */
export function resolve(schema: Schema | undefined, root: Schema): Schema {
  if (!schema) return {};
  const { $ref, anyOf, oneOf, allOf, ...rest } = schema;
  if ($ref !== undefined) return { ...resolve(definition($ref, root), root), ...rest };
  const choices = (anyOf ?? oneOf)?.map((each) => resolve(each, root)).filter(({ type }) => type !== "null");
  if (choices?.length === 1) return { ...choices[0], ...rest };
  if (choices?.every((choice) => choice.const !== undefined))
    return { enum: choices.map((choice) => choice.const), ...rest };
  if (allOf) return Object.assign({}, ...allOf.map((each) => resolve(each, root)), rest);
  return schema;
}

function definition(ref: string, root: Schema): Schema | undefined {
  if (ref === "#") return root;
  const [, name] = /^#\/\$defs\/(.+)$/.exec(ref) ?? [];
  return name === undefined ? undefined : root.$defs?.[name];
}

/** The type that is not null. */
export function typeOf({ type }: Schema): string | undefined {
  return typeof type === "string" ? type : type?.find((each) => each !== "null");
}

/** The title, or the name in words: `points_per_side` and `pointsPerSide` are “Points per side”. */
export function labelOf(name: string, schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  const words = name
    .replaceAll("_", " ")
    .replace(/([a-z\d])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export type Values = Readonly<Record<string, unknown>>;

/** The initial values of a form. */
export function defaultsOf(schema: Schema): Values {
  const fields = Object.entries(resolve(schema, schema).properties ?? {});
  return Object.fromEntries(
    fields.flatMap(([name, field]) => {
      const { default: value } = resolve(field, schema);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
