/** The packages stand on floors: each imports only from those below it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { root } from "./run.ts";

/** From the ground up. */
const FLOORS: readonly (readonly string[])[] = [
  ["tensor", "media"],
  ["nn", "hub"],
  ["kit"],
  ["vision", "text", "depth", "segment", "speech", "video", "rag"],
  ["tessera"],
  ["studio", "cli"],
];
/** Imports from the same floor. */
const NEIGHBOURS: readonly (readonly [from: string, to: string])[] = [
  // Systems read and write text.
  ...["vision", "depth", "segment", "speech", "video", "rag"].map((system) => [system, "text"] as const),
  // Encoders that were published as classifiers.
  ["depth", "vision"],
  ["segment", "vision"],
  // `tessera serve`
  ["cli", "studio"],
];

const packages = join(root, "packages");
const floorOf = (name: string) => FLOORS.findIndex((floor) => floor.includes(name));

/** Why a module of the package `from` must not import `specifier`; undefined if it may. */
function refusal(from: string, file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    const target = join("/", from, "src", file, "..", specifier);
    return target.startsWith(`/${from}/src/`) ? undefined : "leaves the sources of its package";
  }
  const [, to] = /^@tessera-ml\/([^/]+)/.exec(specifier) ?? [];
  if (to === undefined || to === from) return undefined;
  if (floorOf(to) < 0) return `${to} is on no floor`;
  if (floorOf(to) < floorOf(from) || NEIGHBOURS.some((pair) => pair[0] === from && pair[1] === to))
    return undefined;
  return `${from} is on floor ${floorOf(from) + 1}, ${to} on floor ${floorOf(to) + 1}`;
}

test.for(readdirSync(packages))("%s imports only from the floors below", (name) => {
  expect(floorOf(name), `${name} is on no floor`).toBeGreaterThanOrEqual(0);
  const folder = join(packages, name, "src");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.tsx?$/.test(file),
  );
  const specifiers = files.flatMap((file) =>
    ts
      .preProcessFile(readFileSync(join(folder, file), "utf8"))
      .importedFiles.map(({ fileName }) => ({ file, specifier: fileName })),
  );
  expect(specifiers.length).toBeGreaterThan(0);
  const refused = specifiers.flatMap(({ file, specifier }) => {
    const why = refusal(name, file, specifier);
    return why === undefined ? [] : [`src/${file} imports ${specifier}: ${why}`];
  });
  expect(refused).toEqual([]);
});

test("imports from the same floor, from above and from another package's files are refused", () => {
  expect(refusal("tensor", "a.ts", "@tessera-ml/nn")).toContain("floor 1, nn on floor 2");
  expect(refusal("hub", "a.ts", "@tessera-ml/nn/files")).toContain("floor 2");
  expect(refusal("depth", "a.ts", "@tessera-ml/segment")).toContain("floor 4");
  expect(refusal("studio", "a.ts", "@tessera-ml/cli")).toContain("floor 6");
  expect(refusal("nn", "files/a.ts", "../../../tensor/src/index.ts")).toContain("leaves");
  expect(refusal("cli", "commands/a.ts", "@tessera-ml/studio")).toBeUndefined();
  expect(refusal("speech", "a.ts", "@tessera-ml/text")).toBeUndefined();
  expect(refusal("nn", "files/a.ts", "../layers/index.ts")).toBeUndefined();
});
