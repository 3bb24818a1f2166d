/** The input and the ways to provide one: drop, paste, file, camera, microphone, text, samples. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Medium } from "../../api/index.ts";
import { messageOf } from "../engine/message.ts";
import { CameraIcon, FileIcon, MicrophoneIcon, PenIcon } from "../parts/icons.tsx";
import { Notice } from "../parts/notice.tsx";
import { Camera } from "./camera.tsx";
import { type Media, nounOf, openMedia, textMedia, typesOf } from "./media.ts";
import { Microphone } from "./microphone.tsx";
import { forget, present, show, trouble } from "./present.ts";
import { openSample, type Sample, Samples } from "./samples.tsx";
import { Shown } from "./shown.tsx";
import "./media.css";

type Way = "file" | "drawing" | "camera" | "microphone";

interface StageProps {
  readonly accepts: readonly Medium[];
  /** Pictures to start with. */
  readonly samples?: readonly Sample[];
  /** A sheet to draw on, for a system that reads drawings. */
  readonly Pad?: () => preact.JSX.Element;
  /** Shown while there is no input. */
  readonly invitation?: { readonly title: string; readonly hint: string };
  /** Drawn over the picture. */
  readonly children?: ComponentChildren;
}

export function Stage({ accepts, samples = [], Pad, invitation, children }: StageProps) {
  const way = useSignal<Way>("file");
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const shown = present.value && accepts.includes(present.value.medium) ? present.value : undefined;
  const { title, hint } = invitation ?? {
    title: `Drop ${nounOf(accepts)}`,
    hint: "or paste one, or choose a file",
  };

  const take = async (opening: Promise<Media>) => {
    try {
      show(await opening);
      way.value = "file";
    } catch (error) {
      trouble.value = messageOf(error);
    }
  };
  const takeFile = (file: File | null | undefined) => {
    if (file) void take(openMedia(file, accepts));
  };
  const toggle = (wanted: Way) => (way.value = way.value === wanted ? "file" : wanted);
  const choose = () => input.current!.click();
  const leave = () => (way.value = "file");

  useEffect(() => {
    // Anywhere on the page: a drop that misses the frame must not replace the page with the file.
    const dragged = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over.value = event.type === "dragover";
      if (event.type === "drop") takeFile(event.dataTransfer.files[0]);
    };
    const left = (event: DragEvent) => {
      if (event.relatedTarget === null) over.value = false;
    };
    const pasted = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.items ?? [])].filter(({ kind }) => kind === "file");
      const fitting = files.find(({ type }) => accepts.some((medium) => type.startsWith(`${medium}/`)));
      takeFile(fitting?.getAsFile());
    };
    addEventListener("dragover", dragged);
    addEventListener("drop", dragged);
    addEventListener("dragleave", left);
    addEventListener("paste", pasted);
    return () => {
      removeEventListener("dragover", dragged);
      removeEventListener("drop", dragged);
      removeEventListener("dragleave", left);
      removeEventListener("paste", pasted);
    };
  }, [accepts]);

  return (
    <section class="stage" aria-label="Input">
      {way.value === "drawing" && Pad ? (
        <Pad />
      ) : (
        <div class={`frame${over.value ? " over" : ""}${accepts.includes("image") ? "" : " low"}`}>
          {way.value === "camera" && <Camera take={(opening) => void take(opening)} leave={leave} />}
          {way.value === "microphone" && <Microphone take={(opening) => void take(opening)} leave={leave} />}
          {way.value === "file" &&
            (shown ? (
              <Shown media={shown}>{children}</Shown>
            ) : accepts.includes("text") ? (
              <TextArea />
            ) : (
              <button type="button" class="empty" onClick={choose}>
                <span class="empty-title">{title}</span>
                <span class="quiet">{hint}</span>
              </button>
            ))}
        </div>
      )}
      {trouble.value !== undefined && (
        <Notice close={() => (trouble.value = undefined)}>{trouble.value}</Notice>
      )}
      <div class="ways">
        <button type="button" class="button" onClick={choose}>
          <FileIcon /> File
        </button>
        {Pad && (
          <WayButton on={way.value === "drawing"} press={() => toggle("drawing")}>
            <PenIcon /> Draw
          </WayButton>
        )}
        {accepts.includes("image") && (
          <WayButton on={way.value === "camera"} press={() => toggle("camera")}>
            <CameraIcon /> Camera
          </WayButton>
        )}
        {accepts.includes("audio") && (
          <WayButton on={way.value === "microphone"} press={() => toggle("microphone")}>
            <MicrophoneIcon /> Microphone
          </WayButton>
        )}
        {accepts.includes("text") && shown && (
          <button type="button" class="button" onClick={forget}>
            <PenIcon /> Write
          </button>
        )}
        <input
          ref={input}
          type="file"
          accept={typesOf(accepts)}
          class="hidden"
          tabIndex={-1}
          aria-label={`Choose ${nounOf(accepts)}`}
          onChange={({ currentTarget }) => {
            takeFile(currentTarget.files?.[0]);
            // Otherwise the same file could not be chosen again.
            currentTarget.value = "";
          }}
        />
      </div>
      {way.value !== "drawing" && samples.length > 0 && (
        <Samples samples={samples} choose={(sample) => void take(openSample(sample))} />
      )}
    </section>
  );
}

interface WayButtonProps {
  readonly on: boolean;
  readonly press: () => void;
  readonly children: ComponentChildren;
}

function WayButton({ on, press, children }: WayButtonProps) {
  return (
    <button type="button" class="button" aria-pressed={on} onClick={press}>
      {children}
    </button>
  );
}

function TextArea() {
  const text = useSignal("");
  return (
    <form
      class="write"
      onSubmit={(event) => {
        event.preventDefault();
        show(textMedia(text.value));
      }}
    >
      <textarea
        value={text.value}
        placeholder="Write or paste a text"
        aria-label="Text"
        onInput={({ currentTarget }) => (text.value = currentTarget.value)}
      />
      <button type="submit" class="button" disabled={text.value.trim() === ""}>
        Use this text
      </button>
    </form>
  );
}
