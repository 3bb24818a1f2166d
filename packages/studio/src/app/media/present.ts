/** The input, shared by all systems: a picture opened in one is still there in the next. */
import { computed, signal } from "@preact/signals";
import type { Media } from "./media.ts";

export const present = signal<Media | undefined>(undefined);
/** The input, if it is a picture. */
export const picture = computed(() => (present.value?.medium === "image" ? present.value : undefined));
/** What is wrong with the last file. */
export const trouble = signal<string | undefined>(undefined);

export function show(next: Media): void {
  trouble.value = undefined;
  forget();
  present.value = next;
}

export function forget(): void {
  if (present.peek()) URL.revokeObjectURL(present.peek()!.url);
  present.value = undefined;
}
