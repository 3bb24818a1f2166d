/** Acts by the `top` of a classification: 1 answers, 2 exits, 3 throws, 4 never answers, others answer when released. */
import { parentPort } from "node:worker_threads";
import type { Incoming, Outgoing } from "../../../src/server/inference/protocol.ts";

const port = parentPort!;
const answer = (message: Outgoing) => port.postMessage(message);

const held = new Map<number, () => void>();
new BroadcastChannel("release").onmessage = ({ data: top }) => {
  held.get(top)?.();
  held.delete(top);
};

port.on("message", (message: Incoming) => {
  if (message.type === "abort") return;
  const { id, name, about } = message;
  if (name === "count" && "records" in about)
    return answer({ type: "done", id, output: about.records.map(() => ({ params: 1, macs: 1 })) });
  const { top = 1 } = "options" in about ? (about.options as { top?: number }) : {};
  if (top === 2) process.exit(3);
  if (top === 3) throw new Error("secret insides");
  if (top === 4) return;
  const done = () => answer({ type: "done", id, output: [] });
  if (top === 1) done();
  else held.set(top, done);
});
