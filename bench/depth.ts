/**
 * Depth from a JPEG file to a map of the photograph's size with Depth Anything V2 Small, against transformers on
 * PyTorch and transformers.js; and Tessera's int8 against its own float32.
 *
 *     npm run bench -- depth [--only float32.square,int8.square] [--peers transformers,torch,float32] [--quick]
 *
 * PyTorch is included if `$TESSERA_PYTHON`, or else `python3`, can import it, torchvision and transformers.
 * Weights are generated: they take the same time, and their maps mean nothing.
 * The last line of output is a JSON object; a larger ratio is better for Tessera.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { python, runBench } from "./harness/bench.ts";
import type { Entrant } from "./harness/contestant.ts";
import type { Goal } from "./harness/report.ts";
import { parse, photographs, workloads, writeModels } from "./workloads/depth.ts";
import { writePhotograph } from "./workloads/photographs.ts";

const threads = "2";
const folder = mkdtempSync(join(tmpdir(), "tessera-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const [images, models] = [join(folder, "images"), join(folder, "models")];
for (const path of [images, models]) mkdirSync(path);
console.error("writing photographs and models");
for (const [name, size] of Object.entries(photographs))
  await writePhotograph(join(images, `${name}.jpg`), 0, size);
await writeModels(models);

await runBench({
  name: "depth",
  workloads,
  peers: ["transformers", "torch", "float32"],
  entrant,
  takesPart: (name, workload) =>
    name === "tessera" || (name === "float32") === (parse(workload).dtype === "int8"),
  goalsOf,
  // transformers.js resizes with sharp and bilinearly, and 8 bits round.
  tolerance: (name) => (name === "torch" ? 1e-2 : name === "tessera" ? 0 : 0.2),
  reference: "torch",
});

function goalsOf(workload: string): Goal[] {
  const goal = (key: string, atLeast: number): Goal => ({
    text: key.replace(".vs.", " against "),
    atLeast,
    keys: [key],
  });
  if (parse(workload).dtype === "int8") return [goal(`${workload}.vs.float32`, 1.5)];
  return [
    goal(`${workload}.vs.torch`, 1.3),
    goal(`${workload}.vs.transformers`, 1.2),
    goal(`memory.${workload}.vs.torch`, 1 / 1.2),
  ];
}

function entrant(name: string): Entrant | undefined {
  const peers = join(import.meta.dirname, "peers");
  const parameters = [threads, images, models];
  if (name === "torch") {
    const program = python("torch", "torchvision", "transformers");
    return program ? { name, command: [program, join(peers, "depth_torch.py"), ...parameters] } : undefined;
  }
  const peer = name === "transformers" ? "depth-transformers.ts" : "depth-tessera.ts";
  const extra = name === "float32" ? ["float32"] : [];
  return { name, command: [process.execPath, join(peers, peer), ...parameters, ...extra] };
}
