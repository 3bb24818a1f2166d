/** Any answer, shown by its JSON Schema. */
import { labelOf, resolve, type Schema } from "./schema.ts";

interface ValueProps {
  readonly value: unknown;
  readonly schema: Schema;
  readonly root: Schema;
  /** The name of the field, as alternative text. */
  readonly label: string;
}

export function Value({ value, schema, root, label }: ValueProps) {
  if (value === null || value === undefined) return <span class="quiet">–</span>;
  if (typeof value === "string") return <Text text={value} label={label} />;
  if (typeof value === "number") return <span>{figure(value)}</span>;
  if (typeof value === "boolean") return <span>{value ? "yes" : "no"}</span>;
  if (Array.isArray(value)) return <List {...{ label, schema, root }} values={value} />;
  return <Fields {...{ schema, root }} value={value as Readonly<Record<string, unknown>>} />;
}

function Text({ text, label }: { readonly text: string; readonly label: string }) {
  const [, medium] = /^data:(image|audio|video)\//.exec(text) ?? [];
  // biome-ignore-start lint/a11y/useMediaCaption: generated media have no captions
  switch (medium) {
    case "image":
      return <img class="answer-picture" src={text} alt={label} />;
    case "audio":
      return <audio controls src={text} aria-label={label} />;
    case "video":
      return <video class="answer-picture" controls loop src={text} aria-label={label} />;
  }
  // biome-ignore-end lint/a11y/useMediaCaption: see above
  if (/^#[\da-f]{6}$/i.test(text))
    return (
      <span class="colour">
        <span class="swatch" style={{ background: text }} /> <code>{text}</code>
      </span>
    );
  return <span class="answer-text">{text}</span>;
}

interface FieldsProps {
  readonly value: Readonly<Record<string, unknown>>;
  readonly schema: Schema;
  readonly root: Schema;
}

export function Fields({ value, schema, root }: FieldsProps) {
  const properties = resolve(schema, root).properties ?? {};
  return (
    <dl class="answer-fields">
      {orderOf([value], properties).map((name) => {
        const field = resolve(properties[name], root);
        const label = labelOf(name, field);
        return (
          <div key={name} class={isLong(value[name]) ? "long" : undefined}>
            <dt class="small quiet" title={field.description}>
              {label}
            </dt>
            <dd>
              <Value value={value[name]} schema={field} root={root} label={label} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** Longer lists are cut. */
const MOST_ROWS = 200;
const MOST_VALUES = 12;

interface ListProps {
  readonly values: readonly unknown[];
  readonly schema: Schema;
  readonly root: Schema;
  readonly label: string;
}

function List({ values, schema, root, label }: ListProps) {
  const items = resolve(resolve(schema, root).items, root);
  if (values.length === 0) return <span class="quiet">none</span>;
  if (values.every(isRecord)) return <Table rows={values} schema={items} root={root} />;
  if (values.some((value) => isLong(value)))
    return (
      <div class="answer-list">
        {values.slice(0, MOST_ROWS).map((value, i) => (
          <Value key={i} value={value} schema={items} root={root} label={`${label} ${i + 1}`} />
        ))}
        <Rest count={values.length - MOST_ROWS} />
      </div>
    );
  return (
    <span class="answer-values">
      {values.slice(0, MOST_VALUES).map((value, i) => (
        <Value key={i} value={value} schema={items} root={root} label={label} />
      ))}
      <Rest count={values.length - MOST_VALUES} />
    </span>
  );
}

function Table({
  rows,
  schema,
  root,
}: Omit<ListProps, "values" | "label"> & { rows: readonly FieldsProps["value"][] }) {
  const properties = schema.properties ?? {};
  const columns = orderOf(rows, properties).map((name) => {
    const field = resolve(properties[name], root);
    return { name, field, label: labelOf(name, field) };
  });
  return (
    <div class="answer-table">
      <table>
        <thead>
          <tr>
            {columns.map(({ name, label, field }) => (
              <th key={name} scope="col" title={field.description} class={classOf(rows[0]?.[name])}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map((row, i) => (
            <tr key={i}>
              {columns.map(({ name, label, field }) => (
                <td key={name} class={classOf(row[name])}>
                  <Value value={row[name]} schema={field} root={root} label={label} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <Rest count={rows.length - MOST_ROWS} />
    </div>
  );
}

function Rest({ count }: { readonly count: number }) {
  return count > 0 ? <span class="quiet small">and {count.toLocaleString("en")} more</span> : null;
}

function classOf(value: unknown): string | undefined {
  return typeof value === "number" ? "number" : undefined;
}

/** Names in the order of the schema; those it does not know come last. */
function orderOf(values: readonly FieldsProps["value"][], properties: object): string[] {
  const present = new Set(values.flatMap((value) => Object.keys(value)));
  const known = Object.keys(properties).filter((name) => present.has(name));
  return [...new Set([...known, ...present])];
}

function isRecord(value: unknown): value is FieldsProps["value"] {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value takes the whole width. */
function isLong(value: unknown): boolean {
  if (typeof value === "string") return value.length > 60;
  return isRecord(value) || (Array.isArray(value) && (value.length > 4 || value.some(isLong)));
}

function figure(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const digits =
    Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6 ? value.toPrecision(4) : value.toExponential(2);
  return (digits.includes("e") ? digits : String(Number(digits))).replace("-", "−");
}
