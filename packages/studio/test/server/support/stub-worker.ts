/** Behaves as the `top` of a classification says: 1 answers, 2 dies, 3 throws, 4 never answers, 5 blocks for a second. */
import { parentPort } from "node:worker_threads";
import type { Incoming, Outgoing } from "../../../src/server/inference/protocol.ts";

const port = parentPort!;
const answer = (message: Outgoing) => port.postMessage(message);

port.on("message", (message: Incoming) => {
  if (message.type === "abort") return;
  const { id, name, input } = message;
  if (name === "count" && "networks" in input)
    return answer({ type: "done", id, output: input.networks.map(() => ({ params: 1, macs: 1 })) });
  const top = "top" in input ? input.top : 1;
  if (top === 2) process.exit(3);
  if (top === 3) throw new Error("secret insides");
  if (top === 4) return;
  if (top === 5) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  answer({ type: "done", id, output: { results: [] } });
});
