/** Files of every kind that a task may accept. */
import type { Medium } from "../../api/index.ts";
import { bytes } from "../format.ts";
import { LIMITS, openPicture, type Picture } from "./picture.ts";

/** An audio or video file, or a text. */
export interface Recording {
  readonly medium: "audio" | "video" | "text" | "documents";
  readonly blob: Blob;
  /** For `<audio>` and `<video>`. */
  readonly url: string;
  readonly name: string;
}

export type Media = Picture | Recording;

const NOUNS: Readonly<Record<Medium, string>> = {
  image: "picture",
  audio: "recording",
  video: "video",
  text: "text",
  documents: "document",
};

/** The `accept` of a file input. */
const TYPES: Readonly<Record<Medium, string>> = {
  image: "image/*",
  audio: "audio/*",
  video: "video/*",
  text: "text/*",
  documents: "text/*,.md,.pdf",
};

/** “a picture or a video”. */
export function nounOf(accepts: readonly Medium[]): string {
  return accepts.map((medium) => `a ${NOUNS[medium]}`).join(" or ");
}

export function typesOf(accepts: readonly Medium[]): string {
  return accepts.map((medium) => TYPES[medium]).join(",");
}

/**
 * Opens a file by its media type, or as the first medium the task accepts if that says nothing.
 *
 * @throws an error with a sentence for the user
 */
export async function openMedia(file: File, accepts: readonly Medium[]): Promise<Media> {
  const [kind] = file.type.split("/");
  const medium = accepts.find((each) => each === kind) ?? accepts[0]!;
  if (medium === "image") return openPicture(file, file.name);
  if (file.size === 0) throw new Error(`“${file.name}” is empty. Choose another file.`);
  if (file.size > LIMITS.maxBytes)
    throw new Error(`“${file.name}” has ${bytes(file.size)}; the limit is ${bytes(LIMITS.maxBytes)}.`);
  const opened = { medium, blob: file, url: URL.createObjectURL(file), name: file.name };
  if (medium === "audio" || medium === "video") await checkPlayable(opened, medium);
  return opened;
}

export function textMedia(text: string): Media {
  const blob = new Blob([text], { type: "text/plain" });
  return { medium: "text", blob, url: URL.createObjectURL(blob), name: "a text" };
}

async function checkPlayable({ url, name }: Recording, medium: "audio" | "video"): Promise<void> {
  const player = document.createElement(medium);
  player.preload = "metadata";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  player.onloadedmetadata = () => resolve();
  player.onerror = () => {
    URL.revokeObjectURL(url);
    reject(new Error(`“${name}” is not a ${NOUNS[medium]} this browser can play.`));
  };
  player.src = url;
  await promise;
}
