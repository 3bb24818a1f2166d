/** The short-time Fourier transform, as a strided convolution with windowed sinusoids. */
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { conv1d, convTranspose1d } from "./conv.ts";
import { fromArray } from "./create.ts";

/** A periodic Hann window, [n]. */
export function hannWindow(length: number): Tensor {
  return cosineWindow(length, 0.5);
}
/** A periodic Hamming window, [n]. */
export function hammingWindow(length: number): Tensor {
  return cosineWindow(length, 0.54);
}
function cosineWindow(length: number, a: number): Tensor {
  return fromArray(
    Float32Array.from({ length }, (_, i) => a - (1 - a) * Math.cos((2 * Math.PI * i) / length)),
    [length],
  );
}

export interface StftOptions {
  /** Entries per frame. */
  readonly fftSize: number;
  /** Entries from one frame to the next. Default: a quarter of a frame. */
  readonly hop?: number;
  /** [n], n ≤ fftSize, centred in the frame. Default: ones. */
  readonly window?: Tensor | undefined;
  /** Pads the signal at both ends so that frame t is centred on entry t·hop. Default: true. */
  readonly center?: boolean;
  readonly padMode?: "reflect" | "constant" | "replicate" | "circular";
  /** Scales by 1/√fftSize. */
  readonly normalized?: boolean;
  /** Keeps only the frequencies up to half the sampling rate; the others mirror them. Default: true. */
  readonly onesided?: boolean;
}

interface Frames {
  readonly size: number;
  readonly hop: number;
  readonly bins: number;
  readonly window: Tensor;
  readonly factor: number;
}

function framesOf(name: string, options: StftOptions): Frames {
  const { fftSize: size, normalized = false, onesided = true } = options;
  const hop = options.hop ?? Math.floor(size / 4);
  if (!Number.isInteger(size) || size < 1 || !Number.isInteger(hop) || hop < 1)
    throw new Error(`${name}: fftSize and hop must be positive integers, got ${size} and ${hop}`);
  let window = options.window ?? fromArray(new Float32Array(size).fill(1), [size]);
  if (window.rank !== 1 || window.size > size)
    throw new Error(`${name}: expected a window of at most ${size} entries, got ${window}`);
  const before = Math.floor((size - window.size) / 2);
  window = window.pad([[before, size - window.size - before]]);
  const bins = onesided ? Math.floor(size / 2) + 1 : size;
  return { size, hop, bins, window, factor: normalized ? 1 / Math.sqrt(size) : 1 };
}

/** cos and −sin of every frequency, [2·bins, size], real and imaginary rows interleaved. */
function waves(size: number, bins: number, scale: (bin: number) => number): Tensor {
  const table = new Float32Array(2 * bins * size);
  for (let bin = 0; bin < bins; bin++)
    for (let i = 0; i < size; i++) {
      // Reduced modulo `size` first, as large angles lose digits.
      const angle = (2 * Math.PI * ((bin * i) % size)) / size;
      table[2 * bin * size + i] = Math.cos(angle) * scale(bin);
      table[(2 * bin + 1) * size + i] = -Math.sin(angle) * scale(bin);
    }
  return fromArray(table, [2 * bins, size]);
}

/** x [..., L] → [..., F, T, 2]: real and imaginary parts of F frequencies in T frames. */
export function stft(x: Tensor, options: StftOptions): Tensor {
  const { size, hop, bins, window, factor } = framesOf(`stft(${x})`, options);
  if (x.rank < 1) throw new Error(`stft(${x}): expected [..., L]`);
  const lead = x.shape.slice(0, -1);
  let signal = x.reshape([sizeOf(lead), 1, x.shape[x.rank - 1] as number]); // [B, 1, L]
  if (options.center ?? true) {
    const half = Math.floor(size / 2);
    signal = signal.pad(
      [
        [0, 0],
        [0, 0],
        [half, half],
      ],
      { mode: options.padMode ?? "reflect" },
    );
  }
  const kernel = waves(size, bins, () => factor)
    .mul(window)
    .unsqueeze(1); // [2F, 1, size]
  const spectrum = conv1d(signal, kernel, { stride: hop }); // [B, 2F, T]
  const frames = spectrum.shape[2] as number;
  return spectrum
    .reshape([sizeOf(lead), bins, 2, frames])
    .permute([0, 1, 3, 2])
    .reshape([...lead, bins, frames, 2]);
}

/**
 * The real signal of a spectrum, [..., F, T, 2] → [..., L], by overlap-add: overlapping frames are summed and
 * divided by the sum of the squared windows (Griffin & Lim 1984). `length` trims or pads the result. If not
 * `onesided`, only the first half of the spectrum is read, as the other half mirrors it.
 */
export function istft(spectrum: Tensor, options: StftOptions & { length?: number }): Tensor {
  const name = `istft(${spectrum})`;
  const { size, hop, bins: given, window, factor } = framesOf(name, options);
  const [frequencies, frames, parts] = spectrum.shape.slice(-3) as [number, number, number];
  if (frequencies !== given || parts !== 2) throw new Error(`${name}: expected [..., ${given}, T, 2]`);
  const lead = spectrum.shape.slice(0, -3);
  const bins = Math.floor(size / 2) + 1;
  const stacked = spectrum
    .reshape([sizeOf(lead), given, frames, 2])
    .narrow(1, 0, bins)
    .permute([0, 1, 3, 2])
    .reshape([sizeOf(lead), 2 * bins, frames]);
  // Frequencies 0 and size/2 are their own mirror image and count once, all others twice.
  const twice = (bin: number) => (bin !== 0 && 2 * bin !== size ? 2 : 1);
  const kernel = waves(size, bins, (bin) => twice(bin) / (size * factor))
    .mul(window)
    .unsqueeze(1); // [2F, 1, size]
  const sum = convTranspose1d(stacked, kernel, { stride: hop }); // [B, 1, size + hop·(T − 1)]
  const squares = window.square().reshape([1, 1, size]);
  const ones = fromArray(new Float32Array(frames).fill(1), [1, 1, frames]);
  const envelope = convTranspose1d(ones, squares, { stride: hop });
  const whole = sum.shape[2] as number;
  const start = (options.center ?? true) ? Math.floor(size / 2) : 0;
  const end = options.length === undefined ? whole - start : start + options.length;
  const cut = (t: Tensor) => t.narrow(2, start, Math.min(end, whole) - start);
  const result = cut(sum).div(cut(envelope).maximum(1e-11));
  return result
    .pad([
      [0, 0],
      [0, 0],
      [0, Math.max(0, end - whole)],
    ])
    .reshape([...lead, end - start]);
}
