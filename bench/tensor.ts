/**
 * The tensor package against TensorFlow.js, jax-js and PyTorch on the same shapes and data, two threads each.
 *
 *     npm run bench -- tensor [--only train.resnet18,matmul] [--peers tfjs,torch] [--quick]
 *
 * PyTorch is included if `$TESSERA_PYTHON`, or else `python3`, can import it.
 * The last line of output is a JSON object; a larger ratio is better for Tessera.
 */
import { join } from "node:path";
import { python, runBench } from "./harness/bench.ts";
import type { Entrant } from "./harness/contestant.ts";
import type { Goal } from "./harness/report.ts";
import { networks, workloads } from "./workloads/list.ts";

const threads = "2";

await runBench({
  name: "tensor",
  workloads,
  peers: ["tfjs", "jax", "torch"],
  entrant,
  goalsOf,
  tolerance: () => 1e-3,
  reference: "torch",
});

/** Goals for training, inference and memory. */
function goalsOf(name: string): Goal[] {
  const goals: Goal[] = [
    {
      text: `peak memory of ${name} against PyTorch`,
      atLeast: 1 / 1.2,
      keys: [`memory.${name}.vs.torch`],
    },
  ];
  const { optimizer } = networks[name] ?? {};
  if (optimizer) {
    goals.push({
      text: `${name} against the faster TypeScript peer`,
      atLeast: 4,
      keys: [`${name}.vs.tfjs`, `${name}.vs.jax`],
    });
  }
  if (networks[name]) {
    goals.push({ text: `${name} against PyTorch`, atLeast: optimizer ? 1 : 1.3, keys: [`${name}.vs.torch`] });
  }
  return goals;
}

function entrant(name: string): Entrant | undefined {
  const folder = join(import.meta.dirname, "peers");
  if (name !== "torch") return { name, command: [process.execPath, join(folder, `${name}.ts`), threads] };
  const program = python("torch");
  return program ? { name, command: [program, join(folder, "torch_peer.py"), threads] } : undefined;
}
