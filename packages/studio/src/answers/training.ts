/** What happens in a run, as events of the API: the server's process tells them, and a page that trains by itself. */
import type { ProgressReport } from "@tessera-ml/nn";
import type { TrainEvent } from "../api/index.ts";

export function stepEvent({ loss, secondsLeft, ...rest }: ProgressReport): TrainEvent {
  return { type: "step", ...rest, loss: real(loss), secondsLeft: real(secondsLeft) };
}

export function evaluationEvent({
  epoch,
  figures,
}: {
  readonly epoch: number;
  readonly figures: Readonly<Record<string, number>>;
}): TrainEvent {
  return { type: "evaluation", epoch, figures: realFigures(figures) };
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
  return {
    type: "done",
    stopped,
    figures: realFigures(figures),
    seconds,
    ...(passed !== undefined && { passed }),
    model,
  };
}

function realFigures(figures: Readonly<Record<string, number>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, real(value)]));
}

/** JSON has no other numbers. */
function real(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
