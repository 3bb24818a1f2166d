/**
 * Image classification, from the file to the top five classes, against transformers.js and PyTorch; and the time of
 * the published `tessera classify` from start to result, against a bare program on ONNX Runtime.
 *
 *     npm run bench -- vision [--only latency.resnet50,start.mobilenet_v2] [--peers transformers,torch,bare] [--quick]
 *
 * PyTorch is included if `$TESSERA_PYTHON`, or else `python3`, can import it and torchvision.
 * The last line of output is a JSON object; a larger ratio is better for Tessera.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { python, runBench } from "./harness/bench.ts";
import type { Entrant } from "./harness/contestant.ts";
import type { Goal } from "./harness/report.ts";
import { writePhotographs } from "./workloads/photographs.ts";
import { batchSize, starts, workloads, writeModels } from "./workloads/vision.ts";

const threads = "2";
const folder = mkdtempSync(join(tmpdir(), "tessera-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const [images, models] = [join(folder, "images"), join(folder, "models")];
for (const path of [images, models]) mkdirSync(path);
console.error("building the command, writing images and models");
// `start.*` runs the published form.
execFileSync(process.execPath, [join(import.meta.dirname, "..", "tools", "build.ts")], { stdio: "ignore" });
await writePhotographs(images, batchSize);
await writeModels(models);

await runBench({
  name: "vision",
  workloads: [...workloads, ...starts],
  peers: ["transformers", "torch", "bare"],
  entrant,
  takesPart: (name, workload) =>
    workload.startsWith("start.") ? name === "tessera" || name === "bare" : name !== "bare",
  goalsOf,
  // PyTorch and Tessera resize exactly as PIL does; sharp, which the others use, does not.
  tolerance: (name) => (name === "tessera" || name === "torch" ? 1e-3 : 0.2),
  reference: "torch",
});

function goalsOf(workload: string): Goal[] {
  const goal = (peer: string, atLeast: number): Goal => ({
    text: `${workload} against ${peer}`,
    atLeast,
    keys: [`${workload}.vs.${peer}`],
  });
  if (workload.startsWith("start.")) return [goal("bare", 1 / 1.5)];
  if (workload.startsWith("throughput.")) return [goal("torch", 1.3)];
  return [goal("transformers", 1.2), goal("torch", 1.3)];
}

function entrant(name: string): Entrant | undefined {
  const peers = join(import.meta.dirname, "peers");
  const parameters = [threads, images, models];
  if (name !== "torch")
    return { name, command: [process.execPath, join(peers, `vision-${name}.ts`), ...parameters] };
  const program = python("torch", "torchvision");
  return program ? { name, command: [program, join(peers, "vision_torch.py"), ...parameters] } : undefined;
}
