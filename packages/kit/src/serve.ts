/** Answers API requests: for the server's worker and for pages that compute locally. */
import { answerAll } from "./pipeline.ts";
import type { AnswerContext, AnyTask, Opened, Operation, Runtime } from "./task.ts";

/** An open checkpoint of any task. */
export type AnyOpened = Opened<unknown, object, unknown>;

/**
 * One checkpoint's answer to one decoded input, in the form of the task's answer schema, plus the checkpoint's name as
 * `model`.
 *
 * @param options checked against the task's request schema
 */
export async function answerAsJson(
  task: AnyTask,
  opened: AnyOpened,
  input: unknown,
  options: object,
  context: AnswerContext,
): Promise<{ readonly model: string } & Readonly<Record<string, unknown>>> {
  const { toJson } = (await task.load()) as Runtime<unknown, object, unknown>;
  const [answer] = await answerAll(opened, [input], options, context);
  const json = (await (toJson?.(answer) ?? answer)) as object;
  return { model: opened.record.name, ...json };
}

/**
 * Runs an additional operation of a task on one checkpoint.
 *
 * @param request checked against the operation's schema
 * @throws Error if the task has no operation of that name
 */
export async function operate(
  task: AnyTask,
  name: string,
  opened: AnyOpened,
  request: object,
  input: unknown,
  context: AnswerContext,
): Promise<unknown> {
  const { operations = {} } = (await task.load()) as Runtime<unknown, object, unknown>;
  const operation = operations[name] as Operation<unknown, object, unknown> | undefined;
  if (!operation) throw new Error(`${task.name} has no operation ${name}`);
  return await operation(opened, request as never, input, context);
}
