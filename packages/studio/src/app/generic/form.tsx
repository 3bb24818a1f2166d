/** A form for a task's options, from their JSON Schema. */
import { useId } from "preact/hooks";
import { labelOf, resolve, type Schema, typeOf, type Values } from "./schema.ts";

interface FormProps {
  readonly schema: Schema;
  readonly values: Values;
  /** Undefined leaves the option out. */
  readonly change: (name: string, value: unknown) => void;
}

export function Options({ schema, values, change }: FormProps) {
  const root = resolve(schema, schema);
  return Object.entries(root.properties ?? {}).map(([name, field]) => (
    <Field
      key={name}
      name={name}
      schema={resolve(field, schema)}
      root={schema}
      required={root.required?.includes(name) ?? false}
      value={values[name]}
      change={(value) => change(name, value)}
    />
  ));
}

interface FieldProps {
  readonly name: string;
  readonly schema: Schema;
  readonly root: Schema;
  readonly required: boolean;
  readonly value: unknown;
  readonly change: (value: unknown) => void;
}

function Field(props: FieldProps) {
  const { name, schema, root } = props;
  const id = useId();
  const label = labelOf(name, schema);
  const items = resolve(schema.items, root);
  const description = schema.description && <span class="small quiet">{schema.description}</span>;
  if (typeOf(schema) === "array" && items.enum)
    return (
      <fieldset class="field">
        <legend>{label}</legend>
        <Checks choices={items.enum} {...props} />
        {description}
      </fieldset>
    );
  if (typeOf(schema) === "boolean")
    return (
      <div class="field">
        <label class="check">
          <input
            type="checkbox"
            checked={props.value === true}
            onChange={({ currentTarget }) => props.change(currentTarget.checked)}
          />
          {label}
        </label>
        {description}
      </div>
    );
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Control id={id} items={items} {...props} />
      {description}
    </div>
  );
}

interface ControlProps extends FieldProps {
  readonly id: string;
  readonly items: Schema;
}

function Control({ id, schema, items, required, value, change }: ControlProps) {
  if (schema.enum) return <Choice id={id} choices={schema.enum} {...{ required, value, change }} />;
  const type = typeOf(schema);
  if (type === "integer" || type === "number")
    return <NumberField {...{ id, schema, required, value, change }} />;
  const text = { id, required, class: "wide-input" };
  if (type === "array" && ["string", "number", "integer"].includes(typeOf(items) ?? ""))
    return (
      <input
        type="text"
        {...text}
        placeholder="separated by commas"
        value={Array.isArray(value) ? value.join(", ") : ""}
        onChange={({ currentTarget }) => change(listOf(currentTarget.value, typeOf(items) !== "string"))}
      />
    );
  if (type !== "string") return <JsonField {...{ id, required, value, change }} />;
  const shown = typeof value === "string" ? value : "";
  const write = (written: string) => change(written === "" && !required ? undefined : written);
  return (schema.maxLength ?? 0) > 200 ? (
    <textarea {...text} value={shown} onInput={({ currentTarget }) => write(currentTarget.value)} />
  ) : (
    <input type="text" {...text} value={shown} onInput={({ currentTarget }) => write(currentTarget.value)} />
  );
}

type PartProps = Pick<ControlProps, "id" | "required" | "value" | "change">;

/** Values of a select are strings, so options carry their index. */
function Choice({ id, choices, required, value, change }: PartProps & { choices: readonly unknown[] }) {
  return (
    <select
      id={id}
      class="wide-input"
      value={String(choices.indexOf(value))}
      onChange={({ currentTarget }) => change(choices[Number(currentTarget.value)])}
    >
      {(!required || value === undefined) && <option value="-1">–</option>}
      {choices.map((choice, i) => (
        <option key={i} value={String(i)}>
          {String(choice)}
        </option>
      ))}
    </select>
  );
}

function Checks({ choices, value, change }: FieldProps & { choices: readonly unknown[] }) {
  const chosen = Array.isArray(value) ? (value as unknown[]) : [];
  return (
    <div class="checks">
      {choices.map((choice, i) => (
        <label key={i} class="check">
          <input
            type="checkbox"
            checked={chosen.includes(choice)}
            onChange={({ currentTarget }) =>
              change(
                choices.filter((each) => (each === choice ? currentTarget.checked : chosen.includes(each))),
              )
            }
          />
          {String(choice)}
        </label>
      ))}
    </div>
  );
}

/** Integers with more steps than this get a number box instead of a slider. */
const MOST_STEPS = 1000;

function NumberField({ id, schema, required, value, change }: PartProps & { schema: Schema }) {
  const { minimum, exclusiveMinimum, maximum, multipleOf } = schema;
  const whole = typeOf(schema) === "integer";
  const least = minimum ?? exclusiveMinimum;
  const step = multipleOf ?? (whole ? 1 : undefined);
  const hasBounds = least !== undefined && maximum !== undefined && maximum - least <= 1e9;
  const fine = hasBounds ? (maximum - least) / 100 : "any";
  const slides = hasBounds && (maximum - least) / (step ?? 1) <= MOST_STEPS && (step ?? 1) < maximum - least;
  const limits = { min: least, max: hasBounds ? maximum : undefined };
  const set = (text: string) => change(text === "" ? undefined : Number(text));
  const shown = typeof value === "number" ? value : "";
  if ((slides || (hasBounds && step === undefined)) && shown !== "")
    return (
      <div class="slide">
        <input
          id={id}
          type="range"
          {...limits}
          step={step ?? fine}
          value={shown}
          onInput={({ currentTarget }) => set(currentTarget.value)}
        />
        <output for={id}>{shown}</output>
      </div>
    );
  return (
    <input
      id={id}
      type="number"
      class="wide-input"
      required={required}
      {...limits}
      step={step ?? "any"}
      value={shown}
      onInput={({ currentTarget }) => set(currentTarget.value)}
    />
  );
}

function JsonField({ id, required, value, change }: PartProps) {
  return (
    <textarea
      id={id}
      class="wide-input json"
      required={required}
      placeholder="JSON"
      value={value === undefined ? "" : JSON.stringify(value)}
      onChange={({ currentTarget }) => {
        const { value: text } = currentTarget;
        const parsed = parse(text);
        currentTarget.setCustomValidity(
          text.trim() === "" || parsed !== undefined ? "" : "This is not JSON.",
        );
        change(parsed);
      }}
    />
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listOf(text: string, numbers: boolean): unknown[] | undefined {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0) return undefined;
  return numbers ? parts.map(Number) : parts;
}
