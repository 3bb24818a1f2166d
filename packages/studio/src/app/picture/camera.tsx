/** A photograph from the camera of this device. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { CameraIcon } from "../parts/icons.tsx";
import { show, trouble } from "../state.ts";
import { openPicture } from "./picture.ts";

export function Camera({ done }: { readonly done: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const running = useSignal(false);

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
        running.value = true;
      },
      (error: unknown) => {
        trouble.value = reason(error);
        done();
      },
    );
    return stop;
  }, []);

  const take = () => {
    const { videoWidth: width, videoHeight: height } = video.current!;
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d")!.drawImage(video.current!, 0, 0);
    canvas.toBlob(
      (blob) => {
        if (blob) void openPicture(blob, "a photograph", "photo").then(show);
        done();
      },
      "image/jpeg",
      0.92,
    );
  };

  return (
    <div class="camera">
      <video ref={video} autoPlay playsInline muted aria-label="What the camera sees" />
      <button type="button" class="button main" disabled={!running.value} onClick={take}>
        <CameraIcon /> Take the picture
      </button>
    </div>
  );
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
