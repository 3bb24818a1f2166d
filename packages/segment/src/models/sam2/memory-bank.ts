/** Which memories and object pointers a frame attends to, in which order and at which times (SAM 2, section 4). */

/** Memories: those of conditioning frames, and of this many before. */
export const RECENT = 6;
/** Most object pointers of frames without a prompt, and one. */
export const POINTERS = 16;

export interface BankQuery {
  readonly frame: number;
  /** Frames with a prompt, in the order of their prompts. */
  readonly conditioning: Iterable<number>;
  /** Whether a frame without a prompt has been tracked. */
  readonly tracked: (frame: number) => boolean;
  /** Frames of the video; infinite where its end is not known. */
  readonly frames: number;
  /** Whether the video is tracked from its end to its start. */
  readonly reverse?: boolean;
  /** The most conditioning frames to attend to, at least 2; default: all. */
  readonly limit?: number | undefined;
  /** Whether pointers of conditioning frames in the future count too, at negative times. */
  readonly training?: boolean;
}

export interface Bank {
  /** @param code index into the table of temporal codes: 6 for a conditioning frame, else how far it lies, less 1 */
  readonly memories: readonly { readonly frame: number; readonly code: number }[];
  /** @param time distance in frames, in units of the farthest pointer */
  readonly pointers: readonly { readonly frame: number; readonly time: number }[];
}

/**
 * The conditioning frames that count: the nearest before `frame`, the nearest at or after it, then the nearest of the
 * others, up to `limit`.
 */
export function selectConditioning(
  frame: number,
  conditioning: Iterable<number>,
  limit = Number.POSITIVE_INFINITY,
): number[] {
  const all = [...conditioning];
  if (all.length <= limit) return all;
  if (limit < 2) throw new RangeError(`limit: expected at least 2 conditioning frames, got ${limit}`);
  const before = all.filter((t) => t < frame);
  const after = all.filter((t) => t >= frame);
  const nearest = [
    ...(before.length > 0 ? [Math.max(...before)] : []),
    ...(after.length > 0 ? [Math.min(...after)] : []),
  ];
  const others = all
    .filter((t) => !nearest.includes(t))
    .sort((a, b) => Math.abs(a - frame) - Math.abs(b - frame));
  return [...nearest, ...others.slice(0, limit - nearest.length)];
}

export function memoryBank(query: BankQuery): Bank {
  const { frame, tracked, frames, reverse = false, limit, training = false } = query;
  const conditioning = [...query.conditioning];
  const direction = reverse ? -1 : 1;
  const selected = selectConditioning(frame, conditioning, limit);
  // A conditioning frame that is not selected counts like any other.
  const left = new Set(conditioning).difference(new Set(selected));
  const counts = (t: number) => tracked(t) || left.has(t);

  const memories = selected.map((t) => ({ frame: t, code: RECENT }));
  for (let distance = RECENT; distance >= 1; distance--) {
    const t = frame - direction * distance;
    if (counts(t)) memories.push({ frame: t, code: distance - 1 });
  }

  const most = Math.min(frames, POINTERS);
  const unit = Math.max(1, most - 1);
  const pointers = selected
    .map((t) => ({ frame: t, distance: direction * (frame - t) }))
    .filter(({ distance }) => training || distance >= 0);
  for (let distance = 1; distance < most; distance++) {
    const t = frame - direction * distance;
    if (t < 0 || t >= frames) break;
    if (counts(t)) pointers.push({ frame: t, distance });
  }
  return { memories, pointers: pointers.map(({ frame, distance }) => ({ frame, time: distance / unit })) };
}
