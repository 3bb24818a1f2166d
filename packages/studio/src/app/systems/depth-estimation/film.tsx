/** The depth of a video, played with it. */
import { useSignal } from "@preact/signals";
import { answer as answerSchema, type DepthAnswer } from "@tessera-ml/depth/schemas";
import { useEffect, useRef } from "preact/hooks";
import type { TaskInfo, TaskProgress } from "../../../api/index.ts";
import { messageOf } from "../../engine/message.ts";
import { milliseconds, shortTitle } from "../../format.ts";
import type { Recording } from "../../media/media.ts";
import { PlayIcon, StopIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import { ProgressBar } from "../../parts/progress.tsx";
import { engine } from "../../state.ts";
import { colormap, looked, networks } from "./state.ts";

/** The request in progress, or how it ended. */
interface Work {
  readonly stop?: AbortController;
  readonly progress?: TaskProgress;
  readonly answer?: DepthAnswer;
  readonly failure?: string;
}

interface FilmProps {
  readonly task: TaskInfo;
  readonly film: Recording;
}

/** A video takes long, so it is estimated only when asked for. */
export function Film({ task, film }: FilmProps) {
  const work = useSignal<Work>({});
  const { stop, progress, answer, failure } = work.value;
  const network = networks.value.find(({ name }) => name === looked.value);
  useEffect(() => {
    work.value = {};
    return () => work.peek().stop?.abort();
  }, [film]);

  const run = async () => {
    const [by, name] = [engine.peek(), looked.peek()];
    if (!by || name === undefined) return;
    const controller = new AbortController();
    const { signal } = controller;
    const report = (next: Work) => {
      if (!signal.aborted) work.value = next;
    };
    report({ stop: controller });
    try {
      const [found] = await by.ask(
        task,
        film.blob,
        { playable: "webm", colormap: colormap.peek() },
        { models: [name], signal, progress: (now) => report({ stop: controller, progress: now }) },
      );
      report({ answer: answerSchema.parse(found) });
    } catch (error) {
      report({ failure: messageOf(error) });
    }
  };

  return (
    <section class="slab depth-tools" aria-label="Depth of the video" aria-busy={stop !== undefined}>
      <div class="depth-head">
        {stop ? (
          <button
            key="stop"
            type="button"
            class="button"
            onClick={() => {
              stop.abort();
              work.value = {};
            }}
          >
            <StopIcon /> Stop
          </button>
        ) : (
          <button
            key="run"
            type="button"
            class="button main"
            disabled={looked.value === undefined}
            onClick={() => void run()}
          >
            <PlayIcon /> Estimate the depth
          </button>
        )}
        <span class="small quiet" role="status">
          {stop
            ? progress && progress.total > 1
              ? `Frame ${progress.done} of ${progress.total}`
              : "Reading the video …"
            : network && `with ${shortTitle(network.title)}`}
        </span>
      </div>
      {stop && <ProgressBar label="Frames" share={progress ? progress.done / progress.total : 0} />}
      {failure !== undefined && <Notice>{failure}</Notice>}
      {answer?.video?.data !== undefined && <Played answer={answer} url={answer.video.data} film={film} />}
    </section>
  );
}

/** Seconds by which the two videos may differ. */
const APART = 0.1;

function Played({ answer, url, film }: { answer: DepthAnswer; url: string; film: Recording }) {
  const video = useRef<HTMLVideoElement>(null);
  // The player of the video is the only one with controls; this one follows it.
  useEffect(() => {
    const leader = document.querySelector<HTMLVideoElement>(".stage video");
    if (!leader) return undefined;
    const follow = () => {
      const follower = video.current;
      if (!follower) return;
      follower.playbackRate = leader.playbackRate;
      if (Math.abs(follower.currentTime - leader.currentTime) > APART)
        follower.currentTime = leader.currentTime;
      if (leader.paused) follower.pause();
      else if (!leader.ended) void follower.play().catch(() => undefined); // Another event pauses it.
    };
    const events = ["play", "pause", "seeked", "timeupdate", "ratechange"];
    for (const event of events) leader.addEventListener(event, follow);
    follow();
    return () => {
      for (const event of events) leader.removeEventListener(event, follow);
    };
  }, [url]);
  const { frames, scenes, flicker } = answer.video!;
  return (
    <>
      <video ref={video} class="film-depth" src={url} muted playsInline aria-label="The depth of the video" />
      <p class="small quiet">
        {[
          `${frames} frames, ${scenes} ${scenes === 1 ? "scene" : "scenes"}`,
          ...(flicker.after === undefined ? [] : [`flicker ${flickerOf(flicker)}`]),
          `${milliseconds(answer.milliseconds)} a frame in the network`,
        ].join(" · ")}
      </p>
      <p>
        <a class="button" href={url} download={`${film.name.replace(/\.[^.]+$/, "")}-depth.webm`}>
          Save as WebM
        </a>
      </p>
    </>
  );
}

function flickerOf({
  before,
  after = 0,
}: {
  before?: number | undefined;
  after?: number | undefined;
}): string {
  const percent = (value: number) => `${value.toPrecision(2)} %`;
  return before === undefined ? percent(after) : `${percent(before)}, aligned ${percent(after)}`;
}
