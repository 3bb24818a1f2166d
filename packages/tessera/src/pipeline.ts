import {
  type AnyTask,
  findTask,
  type OpenOptions,
  type Pipeline,
  pipelineOf,
  type Task,
} from "@tessera-ml/kit";
import { systems } from "./systems.ts";

type Systems = (typeof systems)[number];

/** Every task by its name: `image-classification`. */
export type TaskName = Systems["name"];

type TaskOf<Name extends TaskName> = Extract<Systems, { readonly name: Name }>;

/** What `pipeline` gives for a task: its input, options and answer are the task's. */
export type PipelineOf<Name extends TaskName> =
  TaskOf<Name> extends Task<Name, infer Input, infer Options, infer Answer>
    ? Pipeline<Input, Options, Answer>
    : never;

/**
 * Opens a checkpoint as a function of one input or many, downloading it if it is not on this machine.
 *
 * @param task by name
 * @param checkpoint a checkpoint's name, a network's, or on Node a path; default the best one on this machine
 * @throws HubError `unknown-name` with the closest names, `absent`, `offline`, …
 */
export async function pipeline<Name extends TaskName>(
  task: Name,
  checkpoint?: string,
  options: OpenOptions = {},
): Promise<PipelineOf<Name>> {
  const runtime = await findTask<AnyTask>(systems, task).load();
  return pipelineOf(await runtime.open(checkpoint, options)) as PipelineOf<Name>;
}
