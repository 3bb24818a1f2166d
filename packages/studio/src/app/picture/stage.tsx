/** The picture and the ways to bring one: drop, paste, file, camera, drawing, samples. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Rectangle } from "../../api/index.ts";
import { messageOf } from "../engine/message.ts";
import { CameraIcon, FileIcon, PenIcon } from "../parts/icons.tsx";
import { Notice } from "../parts/notice.tsx";
import { hrefOf, picture, show, trouble } from "../state.ts";
import { Camera } from "./camera.tsx";
import { Pad } from "./pad.tsx";
import { openPicture, type Picture } from "./picture.ts";
import { openSample, SAMPLES, type Sample } from "./samples.ts";

type Way = "picture" | "drawing" | "camera";

export function Stage({ seen }: { readonly seen: Rectangle | undefined }) {
  const way = useSignal<Way>("picture");
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);

  const take = async (opening: Promise<Picture>) => {
    try {
      show(await opening);
      way.value = "picture";
    } catch (error) {
      trouble.value = messageOf(error);
    }
  };
  const takeFile = (file: File | null | undefined) => {
    if (file) void take(openPicture(file, file.name));
  };

  useEffect(() => {
    // Anywhere on the page: who misses the frame by a finger must not lose the page to the file.
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
      const item = [...(event.clipboardData?.items ?? [])].find(({ type }) => type.startsWith("image/"));
      takeFile(item?.getAsFile());
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
  }, []);

  return (
    <section class="stage" aria-label="Picture">
      {way.value === "drawing" ? (
        <Pad />
      ) : (
        <div class={over.value ? "frame over" : "frame"}>
          {way.value === "camera" && (
            <Camera take={(opening) => void take(opening)} leave={() => (way.value = "picture")} />
          )}
          {way.value === "picture" &&
            (picture.value ? (
              <Shown picture={picture.value} seen={seen} />
            ) : (
              <button type="button" class="empty" onClick={() => input.current!.click()}>
                <span class="empty-title">Drop a photograph</span>
                <span class="quiet">paste one, choose a file, or draw a digit</span>
              </button>
            ))}
        </div>
      )}
      {trouble.value !== undefined && (
        <Notice close={() => (trouble.value = undefined)}>{trouble.value}</Notice>
      )}
      <div class="ways">
        <button type="button" class="button" onClick={() => input.current!.click()}>
          <FileIcon /> File
        </button>
        <button
          type="button"
          class="button"
          aria-pressed={way.value === "drawing"}
          onClick={() => (way.value = way.value === "drawing" ? "picture" : "drawing")}
        >
          <PenIcon /> Draw
        </button>
        <button
          type="button"
          class="button"
          aria-pressed={way.value === "camera"}
          onClick={() => (way.value = way.value === "camera" ? "picture" : "camera")}
        >
          <CameraIcon /> Camera
        </button>
        <input
          ref={input}
          type="file"
          accept="image/*"
          class="hidden"
          tabIndex={-1}
          aria-label="Choose a picture"
          onChange={({ currentTarget }) => {
            takeFile(currentTarget.files?.[0]);
            // The same file may be chosen again.
            currentTarget.value = "";
          }}
        />
      </div>
      {way.value !== "drawing" && <Samples choose={(sample) => void take(openSample(sample))} />}
    </section>
  );
}

/** The picture with what the network saw of it in a frame, the rest paler. */
export function Shown({
  picture,
  seen,
}: {
  readonly picture: Picture;
  readonly seen: Rectangle | undefined;
}) {
  const { url, name, width, height, kind } = picture;
  return (
    <div class={`shown ${kind}`} style={{ aspectRatio: `${width} / ${height}`, "--wide": width / height }}>
      <img
        src={url}
        alt={`The picture: ${name}`}
        class={Math.max(width, height) < 120 ? "coarse" : undefined}
      />
      {seen && (
        <div
          class="seen"
          title="The part of the picture that the network saw"
          style={{
            left: `${(seen.left / width) * 100}%`,
            top: `${(seen.top / height) * 100}%`,
            width: `${(seen.width / width) * 100}%`,
            height: `${(seen.height / height) * 100}%`,
          }}
        />
      )}
    </div>
  );
}

function Samples({ choose }: { readonly choose: (sample: Sample) => void }) {
  return (
    <div class="samples">
      <span class="small quiet">Or try</span>
      {SAMPLES.map((sample) => (
        <SampleButton key={sample.name} sample={sample} choose={choose} />
      ))}
    </div>
  );
}

function SampleButton({
  sample,
  choose,
}: {
  readonly sample: Sample;
  readonly choose: (sample: Sample) => void;
}) {
  const url = useSignal<string | undefined>(undefined);
  useEffect(() => {
    void openSample(sample).then((opened) => (url.value = opened.url));
    return () => url.value && URL.revokeObjectURL(url.value);
  }, []);
  return (
    <button
      type="button"
      class="sample"
      aria-label={`Sample: ${sample.name}`}
      title={sample.name}
      aria-pressed={picture.value?.name === sample.name}
      onClick={() => choose(sample)}
    >
      <img src={url.value} alt="" width="44" height="44" />
    </button>
  );
}

/** The picture in small, for views that look at what was chosen elsewhere. */
export function PictureStrip() {
  const shown = picture.value;
  return (
    <section class="strip" aria-label="Picture">
      <div class="strip-picture">{shown && <img src={shown.url} alt={`The picture: ${shown.name}`} />}</div>
      <div>
        <Samples choose={(sample) => void openSample(sample).then(show)} />
        <a class="small" href={hrefOf("classify")}>
          Another picture
        </a>
      </div>
    </section>
  );
}
