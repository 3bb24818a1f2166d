/** Einstein's summation convention, as permutations, diagonals and matrix products. */
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { arange } from "./create.ts";
import { gather } from "./gather.ts";

/** A tensor with a label for each axis. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/**
 * Products and sums by labels: `"bij,bjk->bik"` multiplies matrices, `"ii->i"` takes a diagonal, `"ij->"`
 * sums. Without `->` the result has the labels that appear exactly once, in alphabetical order. `...` stands
 * for unlabelled axes; an extent of 1 broadcasts.
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const text = equation.replaceAll(" ", "");
  const [left = "", right] = text.split("->") as [string, string | undefined];
  const terms = left.split(",");
  const fail = (problem: string): never => {
    throw new Error(`einsum("${equation}", ${operands.join(", ")}): ${problem}`);
  };
  if (terms.length !== operands.length) fail(`${terms.length} terms for ${operands.length} operands`);
  const parsed = terms.map((term, i) => parse(term, operands[i] as Tensor, fail));
  const extents = new Map<string, number>();
  for (const { labels, tensor } of parsed)
    labels.forEach((label, axis) => {
      const extent = tensor.shape[axis] as number;
      const known = extents.get(label);
      if (labels.indexOf(label) < axis && extent !== tensor.shape[labels.indexOf(label)])
        fail(`label ${label} appears twice in a term, with different extents`);
      if (known === undefined || known === 1) extents.set(label, extent);
      else if (extent !== known && extent !== 1) fail(`label ${label} has extents ${known} and ${extent}`);
    });
  const output = outputLabels(right, terms, parsed, fail);
  for (const label of output) if (!extents.has(label)) fail(`output label ${label} is in no term`);
  let result = diagonals(parsed[0] as Labelled);
  parsed.slice(1).forEach((next, i) => {
    const later = parsed.slice(i + 2).flatMap(({ labels }) => labels);
    result = contract(result, diagonals(next), new Set([...output, ...later]));
  });
  return arrange(sumOut(result, new Set(output)), output);
}

/** Splits a term into labels; the axes of an ellipsis are labelled `.0`, `.1`, … from the last one. */
function parse(term: string, tensor: Tensor, fail: (problem: string) => never): Labelled {
  if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term)) fail(`"${term}" is not a list of labels`);
  const [before = "", after] = term.split("...") as [string, string | undefined];
  const named = before.length + (after?.length ?? 0);
  const free = tensor.rank - named;
  if (free < 0 || (after === undefined && free !== 0)) fail(`"${term}" has ${named} labels for ${tensor}`);
  const dots = Array.from({ length: free }, (_, i) => `.${free - 1 - i}`);
  return { tensor, labels: [...before, ...dots, ...(after ?? "")] };
}

function outputLabels(
  right: string | undefined,
  terms: readonly string[],
  parsed: readonly Labelled[],
  fail: (problem: string) => never,
): string[] {
  const all = parsed.flatMap(({ labels }) => labels);
  const dots = [...new Set(all.filter((label) => label.startsWith(".")))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  if (right === undefined) {
    const letters = [...terms.join("").replaceAll(".", "")];
    return [
      ...dots,
      ...[...new Set(letters)].filter((l) => letters.indexOf(l) === letters.lastIndexOf(l)).sort(),
    ];
  }
  const [before = "", after = ""] = right.split("...");
  const labels = [...before, ...(right.includes("...") ? dots : []), ...after];
  if (new Set(labels).size !== labels.length) fail("a label appears twice in the output");
  return labels;
}

/** Takes the diagonal for labels that repeat within one term. */
function diagonals({ tensor, labels }: Labelled): Labelled {
  const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (second < 0) return { tensor, labels };
  const first = labels.indexOf(labels[second] as string);
  const extent = tensor.shape[first] as number;
  // At index i of the first axis, picks entry i of the second.
  const index = arange(extent).reshape(tensor.shape.map((_, i) => (i === first ? extent : 1)));
  const wide = index.expand(tensor.shape.map((e, i) => (i === second ? 1 : e)));
  return diagonals({
    tensor: gather(tensor, second, wide, { unchecked: true }).squeeze(second),
    labels: labels.filter((_, i) => i !== second),
  });
}

/** Sums over labels that are no longer needed. */
function sumOut({ tensor, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, i) => (needed.has(label) ? [] : [i]));
  if (axes.length === 0) return { tensor, labels };
  return { tensor: tensor.sum(axes), labels: labels.filter((label) => needed.has(label)) };
}

/** Puts the axes in the order of `labels`. */
function arrange({ tensor, labels: own }: Labelled, labels: readonly string[]): Tensor {
  return tensor.permute(labels.map((label) => own.indexOf(label)));
}

/** The product of two operands, summed over the labels that only they have. */
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<string>): Labelled {
  const extentIn = ({ labels, tensor }: Labelled, label: string) => tensor.shape[labels.indexOf(label)];
  // If one operand has extent 1 along a label, the other can be summed over it before the product.
  const together = (label: string) => extentIn(a, label) === extentIn(b, label);
  const x = sumOut(a, new Set([...needed, ...b.labels.filter(together)]));
  const y = sumOut(b, new Set([...needed, ...a.labels.filter(together)]));
  const shared = x.labels.filter((label) => y.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const rows = x.labels.filter((label) => !shared.includes(label));
  const columns = y.labels.filter((label) => !shared.includes(label));
  const shape = (side: Labelled, labels: readonly string[]) =>
    labels.map((label) => extentIn(side, label) as number);
  const count = (side: Labelled, labels: readonly string[]) => sizeOf(shape(side, labels));
  const left = arrange(x, [...batch, ...rows, ...inner]).reshape([
    ...shape(x, batch),
    count(x, rows),
    count(x, inner),
  ]);
  const right = arrange(y, [...batch, ...columns, ...inner]).reshape([
    ...shape(y, batch),
    count(y, columns),
    count(y, inner),
  ]);
  const product = left.matmul(right.transpose());
  const lead = product.shape.slice(0, batch.length);
  return {
    tensor: product.reshape([...lead, ...shape(x, rows), ...shape(y, columns)]),
    labels: [...batch, ...rows, ...columns],
  };
}
