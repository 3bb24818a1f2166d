/** What happens in a run, as events of the API: the server's process tells them, and a page that trains by itself. */
import type { ProgressReport } from "@tessera-ml/nn";
import type { TrainEvent } from "../api/index.ts";

export function stepEvent({ loss, secondsLeft, ...rest }: ProgressReport): TrainEvent {
  return { type: "step", ...rest, loss: real(loss), secondsLeft: real(secondsLeft) };
}

export function evaluationEvent(figures: { epoch: number; loss: number; top1: number }): TrainEvent {
  const { epoch, loss, top1 } = figures;
  return { type: "evaluation", epoch, loss: real(loss), top1: real(top1) };
}

/** The end of a run. */
interface Result {
  readonly stopped: boolean;
  readonly figures: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly passed: boolean | undefined;
  /** The name under which the trained network classifies. */
  readonly model: string;
}

export function doneEvent({ stopped, figures, seconds, passed, model }: Result): TrainEvent {
  const told = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, real(value)]));
  return { type: "done", stopped, figures: told, seconds, ...(passed !== undefined && { passed }), model };
}

/** JSON has no other numbers. */
function real(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
