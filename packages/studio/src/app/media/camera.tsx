/** A photograph from this device's camera. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { CameraIcon } from "../parts/icons.tsx";
import { closeDevice, deviceFailure, openDevice } from "./device.ts";
import { canvas2d, openPicture, type Picture } from "./picture.ts";
import { trouble } from "./present.ts";

interface CameraProps {
  readonly take: (opening: Promise<Picture>) => void;
  /** Called when there is no camera. */
  readonly leave: () => void;
}

export function Camera({ take, leave }: CameraProps) {
  const video = useRef<HTMLVideoElement>(null);
  // A stream has no frame when it opens, and its first frame is black.
  const hasFrame = useSignal(false);

  useEffect(() => {
    let stream: MediaStream | undefined;
    let left = false;
    const stop = () => {
      left = true;
      closeDevice(stream);
    };
    void openDevice({ video: { facingMode: "environment" } }).then(
      (opened) => {
        stream = opened;
        if (left) return stop();
        video.current!.srcObject = opened;
      },
      (error: unknown) => {
        if (left) return;
        trouble.value = deviceFailure(error, "camera");
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
        aria-label="Camera"
        onPlaying={({ currentTarget }) =>
          currentTarget.requestVideoFrameCallback(() => (hasFrame.value = true))
        }
      />
      <button
        type="button"
        class="button main"
        disabled={!hasFrame.value}
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
