/** The worker thread, which the pool sends one job at a time. */
import { parentPort } from "node:worker_threads";
import { type JobContext, jobs } from "./jobs.ts";
import type { Failure, Incoming, Outgoing } from "./protocol.ts";

const port = parentPort!;
const running = new Map<number, AbortController>();

port.on("message", (message: Incoming) => {
  if (message.type === "abort") running.get(message.id)?.abort();
  else void work(message);
});

async function work({ id, name, about }: Incoming & { type: "job" }): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const context: JobContext = {
    signal: controller.signal,
    emit: (event) => port.postMessage({ type: "event", id, event } satisfies Outgoing),
  };
  const job = jobs[name] as (about: unknown, context: JobContext) => Promise<unknown>;
  const answer = await job(about, context).then(
    (output): Outgoing => ({ type: "done", id, output }),
    (error: unknown): Outgoing => ({ type: "failed", id, failure: failureOf(error) }),
  );
  running.delete(id);
  port.postMessage(answer);
}

function failureOf(error: unknown): Failure {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const { code, field } = error as { code?: unknown; field?: unknown };
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return { name, message, stack, code: text(code), field: text(field) };
}
