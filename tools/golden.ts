/**
 * Checks a system against goldens: `npm run golden -- FILE.json [NAME…]`. The file name selects the system, whose
 * workshop says the prefix. Prints the largest deviation of each case, in standard deviations of the golden array;
 * exits with 1 if a case fails.
 */
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { installedSystems } from "../packages/tessera/src/installed.ts";

function stop(message: string): never {
  console.error(message);
  process.exit(2);
}

const [given, ...names] = process.argv.slice(2);
if (!given) stop("usage: npm run golden -- FILE.json [NAME…]");
const path = resolve(given);
const workshops = await Promise.all((await installedSystems()).map(({ workshop }) => workshop?.()));
const goldens = workshops.flatMap((workshop) => workshop?.golden ?? []);
const golden = goldens.find(({ prefix }) => basename(path).startsWith(prefix));
if (!golden) {
  const prefixes = goldens.map(({ prefix }) => prefix).join(" or ");
  stop(`golden: expected a file name that starts with ${prefixes}, got ${basename(path)}`);
}
let all: Record<string, unknown>;
try {
  all = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
} catch (error) {
  stop(`golden: cannot read ${path}: ${(error as Error).message}`);
}
const unknown = names.filter((name) => !(name in all));
if (unknown.length > 0) stop(`golden: ${path} has no ${unknown.join(", ")}`);
const cases = Object.fromEntries(
  Object.entries(all).filter(([name]) => names.length === 0 || names.includes(name)),
);

let failed = 0;
await golden.run({ path, cases }, ({ name, deviation, problems, note, seconds }) => {
  if (problems.length > 0) failed++;
  const found = [`${deviation.toExponential(1)} of std`, note, `${seconds.toFixed(1)} s`].filter(Boolean);
  const wrong = problems.length > 0 ? `: ${problems.join("; ")}` : "";
  console.log(`${wrong ? "FAIL" : "ok  "} ${name.padEnd(32)} ${found.join(", ")}${wrong}`);
});
process.exit(failed > 0 ? 1 : 0);
