/** All systems on this machine: ours, and those of modules that the user names. Node only. */
import { existsSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyTask } from "@tessera-ml/kit";
import { systems } from "./systems.ts";

/**
 * Ours, then the tasks that the modules in `TESSERA_SYSTEMS` export: paths, separated as in `PATH`. A module that adds
 * networks to one of ours exports that task again.
 *
 * @throws Error naming the module that exports no task, or a command that two tasks share
 */
export async function installedSystems(): Promise<AnyTask[]> {
  const tasks: AnyTask[] = [...systems];
  for (const path of (process.env.TESSERA_SYSTEMS ?? "").split(delimiter).filter(Boolean)) {
    const file = resolve(path);
    if (!existsSync(file)) throw new Error(`TESSERA_SYSTEMS: ${path}: no such file`);
    const module: Record<string, unknown> = await import(pathToFileURL(file).href);
    const found = Object.values(module).filter(isTask);
    if (found.length === 0)
      throw new Error(`TESSERA_SYSTEMS: ${path}: exports no task; make one with defineTask`);
    tasks.push(...found.filter((task) => !tasks.includes(task)));
  }
  for (const [i, task] of tasks.entries()) {
    const other = tasks
      .slice(0, i)
      .find(({ name, command }) => name === task.name || command === task.command);
    if (other)
      throw new Error(`task ${task.name}: the name or the command ${task.command} is taken by ${other.name}`);
  }
  return tasks;
}

function isTask(value: unknown): value is AnyTask {
  const { name, command, load, schemas } = (value ?? {}) as Partial<AnyTask>;
  return (
    typeof name === "string" &&
    typeof command === "string" &&
    typeof load === "function" &&
    typeof schemas === "function"
  );
}
