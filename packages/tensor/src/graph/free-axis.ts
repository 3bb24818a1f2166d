/**
 * Graphs with a free (dynamic) axis.
 *
 * A function is traced with fixed shapes, so its graph is full of numbers that depend on them: targets of
 * reshapes, ends of slices. Here the graphs of one function for several extents of an axis are compared. If they
 * differ only in integers that are linear in the extent, the file can compute these from the shape of its input
 * and is then correct for every extent.
 */
import { ONNX_TYPE } from "../dtype.ts";
import { sameShape } from "../shape.ts";
import type { Draft, Literal } from "./emitter.ts";
import { type OnnxNode, type OpenSpec, tensorMessage } from "./onnx.ts";
import type { MessageWriter } from "./protobuf.ts";

/**
 * The extents a function is traced for: odd and even, as rounding up to a multiple of two looks linear on odd
 * ones alone; and with large prime factors, so that they rarely equal another extent by chance.
 */
export const TRIED = [29, 34, 37] as const;
type Tried<T> = readonly [T, T, T];

/** slope · extent + offset */
interface Line {
  readonly slope: number;
  readonly offset: number;
}

/** The line through the values at `TRIED`, or `undefined`. Two points define it, the third confirms it. */
function lineThrough([first, second, third]: Tried<number>): Line | undefined {
  const slope = (second - first) / (TRIED[1] - TRIED[0]);
  const offset = first - slope * TRIED[0];
  const straight = Number.isInteger(slope) && slope * TRIED[2] + offset === third;
  return straight ? { slope, offset } : undefined;
}

/** The line of each entry of lists of equal length, or `undefined` if an entry has none. */
function linesThrough(lists: Tried<readonly number[]>): Line[] | undefined {
  if (new Set(lists.map((list) => list.length)).size > 1) return undefined;
  const lines = lists[0].map((_, i) => lineThrough(lists.map((list) => list[i]) as unknown as Tried<number>));
  return lines.every((line) => line !== undefined) ? lines : undefined;
}

/** Merges the graphs for `TRIED` into one for all extents. `name` is the name of the free extent in the file. */
export function openAxis(
  name: string,
  { input, axis }: { readonly input: string; readonly axis: number },
  drafts: Tried<Draft>,
): Draft {
  const refuse = (where: string, found: readonly unknown[]): never => {
    const cases = TRIED.map((extent, i) => `${found[i]} for ${extent}`).join(", ");
    throw new Error(`exportOnnx: ${name} cannot be a free axis: ${where} ${cases}`);
  };
  const [first] = drafts;
  const opened = (side: "inputs" | "outputs"): Map<string, OpenSpec> =>
    new Map(
      [...first[side]].map(([port, { dtype }]) => {
        const shapes = drafts.map((draft) => draft[side].get(port)?.shape) as unknown as Tried<number[]>;
        const lines = linesThrough(shapes) ?? refuse(`the shape of ${port} is`, shapes.map(String));
        return [port, { dtype, shape: lines.map((line) => openExtent(name, line)) }];
      }),
    );

  const lengths = Math.max(...drafts.map(({ nodes }) => nodes.length));
  const literals = new Literals(input, axis, drafts);
  const nodes: OnnxNode[] = [];
  for (let i = 0; i < lengths; i++) {
    const same = drafts.map((draft) => draft.nodes[i]) as unknown as Tried<OnnxNode>;
    const [node] = same;
    const scope = (same.find(Boolean) as OnnxNode).name.split("/")[0];
    if (new Set(same.map((other) => other && form(other, other.outputs.join()))).size > 1)
      refuse(
        `${scope} is`,
        same.map((other) => (other ? form(other, other.outputs.length) : "nothing")),
      );
    const inputs = node.inputs.map((_, at) => {
      const names = same.map((other) => other.inputs[at]) as unknown as Tried<string>;
      // The second operand of a reshape is the shape it makes.
      const name = literals.name(names, node.type === "Reshape" && at === 1);
      return name ?? refuse(`${scope} takes`, literals.shown(names));
    });
    nodes.push({ ...node, inputs });
  }
  return {
    nodes: [...literals.nodes, ...nodes],
    initializers: literals.initializers(first, nodes),
    literals: first.literals,
    inputs: opened("inputs"),
    outputs: opened("outputs"),
  };
}

/** A node as text, without the names of its inputs. */
function form({ type, domain, inputs, attributes }: OnnxNode, outputs: string | number): string {
  const given = Object.entries(attributes).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  const operator = domain === "" ? type : `${domain}.${type}`;
  return `${operator} (${[`${inputs.length} → ${outputs}`, ...given].join("; ")})`;
}

/** An extent in the shape of an input or output: `batch`, `4*batch`. */
function openExtent(name: string, { slope, offset }: Line): number | string {
  if (slope === 0) return offset;
  const product = slope === 1 ? name : `${slope}*${name}`;
  return offset === 0 ? product : `${product}${offset < 0 ? "" : "+"}${offset}`;
}

/** The literals of the merged graph: kept if equal in all drafts, otherwise computed from the extent. */
class Literals {
  /** The nodes that compute the extent and the literals that depend on it. */
  readonly nodes: OnnxNode[] = [];
  private readonly drafts: Tried<Draft>;
  private readonly made = new Map<string, string>();
  private readonly own = new Map<string, MessageWriter>();

  private readonly input: string;
  private readonly axis: number;

  constructor(input: string, axis: number, drafts: Tried<Draft>) {
    this.input = input;
    this.axis = axis;
    this.drafts = drafts;
  }

  /** The merged name for an input that is `names` in the drafts, or `undefined` if their values are not linear. */
  name(names: Tried<string>, isTarget: boolean): string | undefined {
    const key = `${names.join()}|${isTarget}`;
    let made = this.made.get(key);
    if (made === undefined) {
      const found = this.find(names);
      if (found.every((literal) => literal !== undefined)) {
        made = this.literal(found as unknown as Tried<Literal>, isTarget, names[0]);
      } else if (names.every((name) => name === names[0])) [made] = names;
      if (made !== undefined) this.made.set(key, made);
    }
    return made;
  }

  /** Values of literals and names of other inputs, for error messages. */
  shown(names: Tried<string>): string[] {
    return this.find(names).map((literal, i) => (literal ? `[${literal.values.join(", ")}]` : `${names[i]}`));
  }

  private find(names: Tried<string>): (Literal | undefined)[] {
    return this.drafts.map((draft, i) => draft.literals.get(names[i] as string));
  }

  private literal(literals: Tried<Literal>, isTarget: boolean, asItStands: string): string | undefined {
    const [{ dtype, shape, values }, ...others] = literals;
    if (others.some((other) => other.dtype !== dtype || !sameShape(other.shape, shape))) return undefined;
    if (others.every((other) => other.values.every((value, i) => Object.is(value, values[i]))))
      return asItStands;
    const lines = linesThrough(literals.map((literal) => literal.values) as unknown as Tried<number[]>);
    if (!lines || (dtype !== "int64" && dtype !== "int32")) return undefined;
    const name = `open.${this.made.size}`;
    const growing = lines.filter(({ slope }) => slope !== 0);
    // Reshape infers one extent itself, and ONNX Runtime can infer more shapes from a constant.
    if (isTarget && growing.length === 1 && growing[0]?.offset === 0 && lines.every(isPlain))
      return this.constant(
        name,
        lines.map(({ slope, offset }) => (slope === 0 ? offset : -1)),
      );
    const slopes = this.constant(
      `${name}.slope`,
      lines.map(({ slope }) => slope),
    );
    const offsets = this.constant(
      `${name}.offset`,
      lines.map(({ offset }) => offset),
    );
    let result = this.node("Mul", [this.extent(), slopes], `${name}.product`);
    result = this.node("Add", [result, offsets], `${name}.sum`);
    if (shape.length === 0) result = this.node("Squeeze", [result], `${name}.scalar`);
    return dtype === "int64" ? result : this.node("Cast", [result], name, { to: ONNX_TYPE[dtype] });
  }

  /** The free extent, [1]. */
  private extent(): string {
    const { input, axis } = this;
    const attributes = { start: axis, end: axis + 1 };
    return this.nodes.length > 0 ? "open.extent" : this.node("Shape", [input], "open.extent", attributes);
  }

  private node(
    type: string,
    inputs: readonly string[],
    output: string,
    attributes: OnnxNode["attributes"] = {},
  ): string {
    this.nodes.push({ name: output, type, domain: "", inputs, outputs: [output], attributes });
    return output;
  }

  private constant(name: string, values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    this.own.set(name, tensorMessage(name, { dtype: "int64", shape: [values.length] }, data));
    return name;
  }

  /** The initializers that the nodes still read. */
  initializers({ initializers, literals }: Draft, nodes: readonly OnnxNode[]): Map<string, MessageWriter> {
    const read = new Set(nodes.flatMap(({ inputs }) => inputs));
    const kept = [...initializers].filter(([name]) => !literals.has(name) || read.has(name));
    return new Map([...kept, ...this.own]);
  }
}

/** Whether Reshape takes the extent literally: 0 and −1 have special meanings. */
function isPlain({ slope, offset }: Line): boolean {
  return slope !== 0 || offset > 0;
}
