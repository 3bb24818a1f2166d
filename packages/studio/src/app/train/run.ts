/** The training run that the page follows. It outlives the view: the curves are still there on return. */
import { computed, signal } from "@preact/signals";
import type { TrainEvent, TrainRequest } from "../../api/index.ts";
import type { Training } from "../engine/engine.ts";
import { messageOf } from "../engine/message.ts";
import { refreshModels } from "../state.ts";
import type { CurvePoint } from "./curve.tsx";

type Ended = Extract<TrainEvent, { type: "done" }>;

export interface Run {
  readonly id: string;
  readonly recipe: string;
  readonly epochs: number;
  readonly step?: Extract<TrainEvent, { type: "step" }>;
  readonly loss: readonly CurvePoint[];
  /** Figures of the evaluations, by name. */
  readonly figures: Readonly<Record<string, readonly CurvePoint[]>>;
  /** The user asked it to stop. */
  readonly stopping?: boolean;
  readonly ended?: Ended;
  readonly failure?: string;
}

/** More points than a curve has pixels are of no use. */
const MOST_POINTS = 600;

export const run = signal<Run | undefined>(undefined);
/** Whether it has neither ended nor failed. */
export const going = computed(() => run.value && !run.value.ended && run.value.failure === undefined);
/** Why the last start or stop failed. */
export const orderFailure = signal<string | undefined>(undefined);

let unfollow: (() => void) | undefined;
/** May belong to another engine than the page uses now. */
let trainer: Training | undefined;

export async function startRun(training: Training, request: TrainRequest): Promise<void> {
  orderFailure.value = undefined;
  try {
    followRun(training, await training.start(request));
  } catch (error) {
    orderFailure.value = messageOf(error);
  }
}

export async function stopRun(): Promise<void> {
  const { id } = run.peek()!;
  const stopping = (now: boolean) => {
    if (run.peek()?.id === id) run.value = { ...run.peek()!, stopping: now };
  };
  orderFailure.value = undefined;
  stopping(true);
  try {
    await trainer?.stop(id);
  } catch (error) {
    stopping(false);
    orderFailure.value = messageOf(error);
  }
}

/** Follows a run that is already in progress, as after a reload. */
export async function resumeRun(training: Training): Promise<void> {
  if (going.peek()) return;
  const id = await training.running().catch(() => undefined);
  if (id !== undefined) followRun(training, id);
}

function followRun(training: Training, id: string): void {
  unfollow?.();
  trainer = training;
  run.value = { id, recipe: "", epochs: 1, loss: [], figures: {} };
  const fail = (failure: string) => {
    if (run.peek()) run.value = { ...run.peek()!, failure };
  };
  unfollow = training.follow(
    id,
    (event) => {
      run.value = run.peek() && heard(run.peek()!, event);
      if (event.type === "done") void refreshModels();
    },
    fail,
  );
}

function heard(before: Run, event: TrainEvent): Run {
  switch (event.type) {
    case "start":
      return { id: event.id, recipe: event.recipe, epochs: event.epochs, loss: [], figures: {} };
    case "step": {
      // Finer than `epoch`, which counts whole passes.
      const passes = (event.step / event.steps) * before.epochs;
      return { ...before, step: event, loss: added(before.loss, passes, event.loss) };
    }
    case "evaluation":
      return {
        ...before,
        figures: Object.fromEntries(
          Object.entries(event.figures).map(([name, value]) => [
            name,
            added(before.figures[name] ?? [], event.epoch, value),
          ]),
        ),
      };
    case "done":
      return { ...before, ended: event };
    case "error":
      return { ...before, failure: event.message };
  }
}

function added(points: readonly CurvePoint[], x: number, y: number | null): readonly CurvePoint[] {
  if (y === null) return points;
  // When there are too many, drop every other point.
  const kept = points.length >= MOST_POINTS ? points.filter((_, i) => i % 2 === 0) : points;
  return [...kept, { x, y }];
}
