/** Masks of everything in the picture, without a click. */
import { useSignal } from "@preact/signals";
import { answer as answerSchema } from "@tessera-ml/segment/schemas";
import type { TaskInfo } from "../../../api/index.ts";
import { messageOf } from "../../engine/message.ts";
import { picture } from "../../media/present.ts";
import { StopIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import { engine } from "../../state.ts";
import { colorOf, type Layer } from "./paint.ts";
import { clear, guessesOf, network } from "./state.ts";

/** Clicks along each side of the picture: more find smaller things, and take longer. */
const FINENESS = [8, 16, 32] as const;
const ALPHA = 150;

interface EverythingProps {
  readonly task: TaskInfo;
  readonly show: (layers: readonly Layer[]) => void;
  /** How many masks are shown. */
  readonly shown: number | undefined;
}

export function Everything({ task, show, shown }: EverythingProps) {
  const side = useSignal<number>(16);
  const stop = useSignal<AbortController | undefined>(undefined);
  const done = useSignal(0);
  const failure = useSignal<string | undefined>(undefined);
  const run = async () => {
    const [by, about, name] = [engine.peek(), picture.peek(), network.peek()];
    if (!by || !about || name === undefined) return;
    const controller = new AbortController();
    stop.value = controller;
    done.value = 0;
    failure.value = undefined;
    try {
      const request = { everything: true, pointsPerSide: side.peek(), picture: false };
      const [found] = await by.ask(task, about.blob, request, {
        models: [name],
        signal: controller.signal,
        progress: (progress) => (done.value = progress.done / progress.total),
      });
      clear();
      show(
        answerSchema.parse(found).objects.flatMap((object, i) => {
          const [guess] = guessesOf(object);
          return guess ? [{ mask: guess.mask, color: colorOf(i + 1), alpha: ALPHA }] : [];
        }),
      );
    } catch (error) {
      if (!controller.signal.aborted) failure.value = messageOf(error);
    } finally {
      if (stop.peek() === controller) stop.value = undefined;
    }
  };
  return (
    <section class="slab segment-tools" aria-labelledby="everything">
      <div class="segment-head">
        <h2 id="everything">Everything</h2>
        <label class="segment-choice">
          <span class="small quiet">Clicks to a side</span>
          <select
            value={side.value}
            onChange={({ currentTarget }) => (side.value = Number(currentTarget.value))}
          >
            {FINENESS.map((count) => (
              <option key={count} value={count}>
                {count}
              </option>
            ))}
          </select>
        </label>
        {stop.value ? (
          <button type="button" class="button" onClick={() => stop.value?.abort()}>
            <StopIcon /> Stop
          </button>
        ) : (
          <button
            type="button"
            class="button"
            disabled={!picture.value || network.value === undefined}
            onClick={() => void run()}
          >
            Find everything
          </button>
        )}
        <span class="small quiet" role="status">
          {stop.value
            ? `${Math.round(100 * done.value)} %`
            : shown !== undefined
              ? `${shown} ${shown === 1 ? "mask" : "masks"}`
              : ""}
        </span>
      </div>
      {failure.value !== undefined && <Notice>{failure.value}</Notice>}
    </section>
  );
}
