/** Files of each kind of media, by the endings of their names. Node only. */
import { readdir } from "node:fs/promises";
import type { Medium } from "./task.ts";

const ENDINGS: Readonly<Record<Medium, RegExp>> = {
  image: /\.(jpe?g|jfif|png|webp|gif|tiff?|avif|bmp)$/i,
  video: /\.(mp4|m4v|mov|webm|mkv)$/i,
  audio: /\.(wav|flac|mp3|ogg|opus|m4a)$/i,
  text: /\.(txt|md)$/i,
  documents: /./,
};

export function isMedia(file: string, accepts: readonly Medium[]): boolean {
  return accepts.some((medium) => ENDINGS[medium].test(file));
}

/** The files of a folder and all folders below it, relative to it and sorted by name. */
export async function mediaFiles(folder: string, accepts: readonly Medium[]): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((file) => isMedia(file, accepts)).toSorted();
}
