/** The camera's picture and its depth, as fast as the network answers. */
import { useSignal } from "@preact/signals";
import type { Planes } from "@tessera-ml/media";
import { useEffect, useRef } from "preact/hooks";
import type { TaskInfo } from "../../../api/index.ts";
import { messageOf } from "../../engine/message.ts";
import { milliseconds, shortTitle } from "../../format.ts";
import { closeDevice, deviceFailure, openDevice } from "../../media/device.ts";
import { canvas2d } from "../../media/picture.ts";
import { CameraIcon, StopIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import { engine } from "../../state.ts";
import { FrameRate } from "./frame-rate.ts";
import { usePainted } from "./paint.ts";
import { askDepth, colormap, look, looked, networks } from "./state.ts";

/** Longer side of a frame that is sent: small networks see 224 to 384 pixels. */
const FRAME_SIDE = 384;

interface Shown {
  readonly map: Planes;
  readonly kind: "disparity" | "metric";
  readonly milliseconds: number;
  readonly rate: number | undefined;
}

export function LiveView({ task }: { readonly task: TaskInfo }) {
  const on = useSignal(false);
  const failure = useSignal<string | undefined>(undefined);
  const shown = useSignal<Shown | undefined>(undefined);
  const video = useRef<HTMLVideoElement>(null);
  const canvas = usePainted(shown.value?.map, shown.value?.kind ?? "disparity", colormap.value);

  useEffect(() => {
    if (!on.value) return undefined;
    let left = false;
    let stream: MediaStream | undefined;
    const rate = new FrameRate();
    const run = async () => {
      stream = await openDevice({ video: { facingMode: "environment" } }).catch((error: unknown) => {
        throw new Error(deviceFailure(error, "camera"));
      });
      const element = video.current;
      if (left || !element) return closeDevice(stream);
      element.srcObject = stream;
      await element.play();
      // The next frame is taken when the last one is answered: those in between are dropped, none waits.
      while (!left) {
        const [by, name] = [engine.peek(), looked.peek()];
        if (!by || name === undefined) throw new Error("Choose a network first.");
        await nextFrame(element);
        if (left) return;
        const depth = await mapOf(element, (blob, url) =>
          askDepth(by, task, { blob, url }, name, { side: FRAME_SIDE }),
        );
        if (left) return;
        shown.value = {
          map: depth.map,
          kind: depth.answer.kind,
          milliseconds: depth.answer.milliseconds,
          rate: rate.tick(performance.now()),
        };
      }
    };
    run().catch((error: unknown) => {
      if (left) return;
      failure.value = messageOf(error);
      on.value = false;
    });
    return () => {
      left = true;
      closeDevice(stream);
    };
  }, [on.value]);

  const { value } = shown;
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Depth from the camera</h1>
          <p class="quiet">
            Each frame goes through the network by itself, as fast as it answers; frames in between are
            dropped.
          </p>
        </div>
        <label class="depth-choice">
          <span class="small quiet">Network</span>
          <select value={looked.value} onChange={({ currentTarget }) => look(currentTarget.value)}>
            {networks.value.map(({ name, title }) => (
              <option key={name} value={name}>
                {shortTitle(title)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {failure.value !== undefined && (
        <Notice close={() => (failure.value = undefined)}>{failure.value}</Notice>
      )}
      <div class="live">
        <figure class="live-frame">
          <video ref={video} playsInline muted aria-label="Camera" />
          <figcaption class="small quiet">The camera</figcaption>
        </figure>
        <figure class="live-frame">
          <canvas
            ref={canvas}
            role="img"
            aria-label="Depth of the camera's picture"
            data-on={value !== undefined}
          />
          <figcaption class="small quiet" aria-live="polite">
            {value
              ? `${value.rate === undefined ? "–" : value.rate.toFixed(1)} frames per second · ${milliseconds(value.milliseconds)} in the network`
              : on.value
                ? "Waiting for the first map …"
                : "Depth"}
          </figcaption>
        </figure>
      </div>
      <div class="depth-head">
        {on.value ? (
          <button key="stop" type="button" class="button" onClick={() => (on.value = false)}>
            <StopIcon /> Stop the camera
          </button>
        ) : (
          <button
            key="start"
            type="button"
            class="button main"
            disabled={looked.value === undefined}
            onClick={() => {
              failure.value = undefined;
              on.value = true;
            }}
          >
            <CameraIcon /> Start the camera
          </button>
        )}
      </div>
    </div>
  );
}

function nextFrame(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => video.requestVideoFrameCallback(() => resolve()));
}

async function mapOf<T>(video: HTMLVideoElement, ask: (blob: Blob, url: string) => Promise<T>): Promise<T> {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(1, FRAME_SIDE / Math.max(videoWidth, videoHeight));
  const context = canvas2d(Math.round(videoWidth * scale), Math.round(videoHeight * scale));
  context.drawImage(video, 0, 0, context.canvas.width, context.canvas.height);
  const blob = await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  const url = URL.createObjectURL(blob);
  try {
    return await ask(blob, url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
