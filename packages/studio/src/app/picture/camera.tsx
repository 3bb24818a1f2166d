/** A photograph from the camera of this device. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { CameraIcon } from "../parts/icons.tsx";
import { trouble } from "../state.ts";
import { canvas2d, openPicture, type Picture } from "./picture.ts";

interface CameraProps {
  readonly take: (opening: Promise<Picture>) => void;
  /** There is no camera to be had. */
  readonly leave: () => void;
}

export function Camera({ take, leave }: CameraProps) {
  const video = useRef<HTMLVideoElement>(null);
  // A stream that has only opened has no frame, and the first, before it plays, is black.
  const seesSomething = useSignal(false);

  useEffect(() => {
    let stream: MediaStream | undefined;
    let left = false;
    const stop = () => {
      left = true;
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    void openCamera().then(
      (opened) => {
        stream = opened;
        if (left) return stop();
        video.current!.srcObject = opened;
      },
      (error: unknown) => {
        if (left) return;
        trouble.value = reason(error);
        leave();
      },
    );
    return stop;
  }, []);

  return (
    <div class="camera">
      <video
        ref={video}
        autoPlay
        playsInline
        muted
        aria-label="What the camera sees"
        onPlaying={({ currentTarget }) =>
          currentTarget.requestVideoFrameCallback(() => (seesSomething.value = true))
        }
      />
      <button
        type="button"
        class="button main"
        disabled={!seesSomething.value}
        onClick={() => take(photograph(video.current!))}
      >
        <CameraIcon /> Take the picture
      </button>
    </div>
  );
}

async function photograph(video: HTMLVideoElement): Promise<Picture> {
  const context = canvas2d(video.videoWidth, video.videoHeight);
  context.drawImage(video, 0, 0);
  const blob = await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  return openPicture(blob, "a photograph", "photo");
}

async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices)
    throw new Error("A page may use the camera only over https or on this machine (localhost).");
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
}

function reason(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError")
    return "The camera was not allowed. Allow it in the browser's address bar, or choose a file.";
  if (name === "NotFoundError") return "This device has no camera. Choose a file instead.";
  return error instanceof Error ? error.message : String(error);
}
