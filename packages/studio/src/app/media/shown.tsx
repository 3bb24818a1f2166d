/** The present input: a picture, a player or a text. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Media } from "./media.ts";
import type { Picture } from "./picture.ts";

interface ShownProps {
  readonly media: Media;
  /** Drawn over a picture, positioned in percent of its sides. */
  readonly children?: ComponentChildren;
}

export function Shown({ media, children }: ShownProps) {
  switch (media.medium) {
    case "image":
      return <ShownPicture picture={media}>{children}</ShownPicture>;
    case "audio":
      return (
        <div class="player">
          <p class="quiet small">{media.name}</p>
          {/* biome-ignore lint/a11y/useMediaCaption: it is the user's own recording */}
          <audio controls src={media.url} aria-label={`The recording: ${media.name}`} />
        </div>
      );
    case "video":
      // biome-ignore lint/a11y/useMediaCaption: it is the user's own video
      return <video class="film" controls src={media.url} aria-label={`The video: ${media.name}`} />;
    default:
      return <ShownText key={media.url} blob={media.blob} name={media.name} />;
  }
}

/** Smaller pictures are shown as sharp pixels. */
const COARSE = 120;

function ShownPicture({
  picture,
  children,
}: {
  readonly picture: Picture;
  readonly children: ComponentChildren;
}) {
  const { url, name, width, height, kind } = picture;
  return (
    <div class={`shown ${kind}`} style={{ aspectRatio: `${width} / ${height}`, "--wide": width / height }}>
      <img
        src={url}
        alt={`The picture: ${name}`}
        class={Math.max(width, height) < COARSE ? "coarse" : undefined}
      />
      {children}
    </div>
  );
}

/** Characters shown of a long text. */
const MOST_SHOWN = 4000;

function ShownText({ blob, name }: { readonly blob: Blob; readonly name: string }) {
  const text = useSignal("");
  useEffect(() => {
    void blob
      .slice(0, MOST_SHOWN)
      .text()
      .then((start) => (text.value = start));
  }, [blob]);
  return (
    <div class="shown-text">
      <p class="quiet small">{name}</p>
      <p>{text.value}</p>
    </div>
  );
}
