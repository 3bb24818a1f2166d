/** The views and pictures of systems, found by task name. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { TaskInfo } from "../api/index.ts";

export interface SystemProps {
  readonly task: TaskInfo;
  /** The address below `#/COMMAND`. */
  readonly path: readonly string[];
}

export type System = (props: SystemProps) => preact.JSX.Element;

const views = import.meta.glob<{ readonly default: System }>("./systems/*/index.tsx");
const cards = import.meta.glob<string>("./systems/*/card.{svg,webp,png}", {
  eager: true,
  query: "?url",
  import: "default",
});

/** The address of a system's picture for the home page. */
export function cardOf(task: string): string | undefined {
  return Object.entries(cards).find(([path]) => path.startsWith(`./systems/${task}/`))?.[1];
}

export interface LoadedSystem {
  readonly task: string;
  readonly System?: System;
  readonly failure?: string;
}

/** The view of a task: its own, or the generic one. Undefined while it loads. */
export function useSystem(task: string): ReadonlySignal<LoadedSystem | undefined> {
  const loaded = useSignal<LoadedSystem | undefined>(undefined);
  useEffect(() => {
    let left = false;
    const load = views[`./systems/${task}/index.tsx`] ?? (() => import("./generic/view.tsx"));
    void load().then(
      ({ default: System }) => {
        if (!left) loaded.value = { task, System };
      },
      (error: unknown) => {
        if (!left) loaded.value = { task, failure: String(error) };
      },
    );
    return () => {
      left = true;
    };
  }, [task]);
  return loaded;
}
