/** The events of a training run, for the server and for a page without one. */
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
  /** The checkpoint name of the trained network. */
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

/** JSON has no NaN or infinity. */
function real(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
