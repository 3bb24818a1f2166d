/** A recording from this device's microphone. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clock } from "../format.ts";
import { StopIcon } from "../parts/icons.tsx";
import { closeDevice, deviceFailure, openDevice } from "./device.ts";
import { type Media, openMedia } from "./media.ts";
import { trouble } from "./present.ts";
import { encodeWav } from "./wav.ts";

interface MicrophoneProps {
  readonly take: (opening: Promise<Media>) => void;
  /** Called when there is no microphone. */
  readonly leave: () => void;
}

export function Microphone({ take, leave }: MicrophoneProps) {
  const recorder = useRef<MediaRecorder>(undefined);
  const seconds = useSignal(0);

  useEffect(() => {
    let left = false;
    let stream: MediaStream | undefined;
    const timer = setInterval(() => {
      if (recorder.current) seconds.value++;
    }, 1000);
    const record = async () => {
      stream = await openDevice({ audio: true });
      if (left) return closeDevice(stream);
      const parts: Blob[] = [];
      const opened = new MediaRecorder(stream);
      opened.ondataavailable = ({ data }) => parts.push(data);
      opened.onstop = () => {
        closeDevice(stream);
        if (!left) take(soundOf(new Blob(parts)));
      };
      opened.start();
      recorder.current = opened;
      seconds.value = 0;
    };
    void record().catch((error: unknown) => {
      if (left) return;
      trouble.value = deviceFailure(error, "microphone");
      leave();
    });
    return () => {
      left = true;
      clearInterval(timer);
      closeDevice(stream);
    };
  }, []);

  return (
    <div class="microphone">
      <p class="empty-title">{clock(seconds.value)}</p>
      <button type="button" class="button main" onClick={() => recorder.current?.stop()}>
        <StopIcon /> Stop recording
      </button>
    </div>
  );
}

/** Converts to WAV: few decoders outside browsers read what browsers record. */
async function soundOf(recorded: Blob): Promise<Media> {
  const context = new AudioContext();
  try {
    const sound = await context.decodeAudioData(await recorded.arrayBuffer());
    const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
    const wav = encodeWav(channels, sound.sampleRate);
    return await openMedia(new File([wav], "a recording", { type: "audio/wav" }), ["audio"]);
  } finally {
    await context.close();
  }
}
