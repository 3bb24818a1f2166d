/** What every view shares: the engine, and the tasks and models it offers. */
import { computed, signal } from "@preact/signals";
import type { ModelInfo, TaskInfo } from "../api/index.ts";
import { BrowserEngine } from "./engine/browser.ts";
import type { Engine } from "./engine/engine.ts";
import { messageOf } from "./engine/message.ts";
import { ServerEngine, serverAnswers } from "./engine/server.ts";
import { hrefOf } from "./route.ts";

export const engine = signal<Engine | undefined>(undefined);
export const serverFound = signal(false);
/** Undefined until the engine has listed them. */
export const tasks = signal<readonly TaskInfo[] | undefined>(undefined);
/** Oldest first; within a year, cheapest first. */
export const models = signal<readonly ModelInfo[]>([]);
/** Why the tasks or the models cannot be listed. */
export const listFailure = signal<string | undefined>(undefined);

/** Models that run here and now. */
export const ready = computed(() => models.value.filter(({ place }) => place !== "absent"));

/** Picks the engine: the server this page came from, or else the page itself. */
export async function start(): Promise<void> {
  serverFound.value = await serverAnswers();
  // The user may have picked one while the server was still silent.
  if (!engine.peek()) await useEngine(serverFound.value ? "server" : "browser");
}

export async function useEngine(kind: Engine["kind"]): Promise<void> {
  if (engine.peek()?.kind === kind) return;
  engine.peek()?.close();
  engine.value = kind === "server" ? new ServerEngine() : new BrowserEngine();
  await list(engine.value);
}

/** Lists the models again: a training run may have added one. */
export async function refreshModels(): Promise<void> {
  if (engine.peek()) await list(engine.peek()!);
}

async function list(from: Engine): Promise<void> {
  try {
    const [allTasks, allModels] = await Promise.all([from.tasks(), from.models()]);
    if (engine.peek() !== from) return;
    listFailure.value = undefined;
    tasks.value = allTasks;
    models.value = allModels.toSorted((a, b) => a.year - b.year || (a.macs ?? 0) - (b.macs ?? 0));
  } catch (error) {
    if (engine.peek() !== from) return;
    tasks.value ??= [];
    models.value = [];
    listFailure.value = messageOf(error);
  }
}

/** The page about one model, within its system. */
export function hrefOfModel(name: string): string {
  const task = models.value.find((model) => model.name === name)?.task;
  const { command } = tasks.value?.find((each) => each.name === task) ?? {};
  return command === undefined ? hrefOf() : hrefOf(command, "inside", name);
}
