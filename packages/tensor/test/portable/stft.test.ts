import { hammingWindow, hannWindow, istft, type StftOptions, stft } from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

interface Args extends Omit<StftOptions, "window"> {
  window: "hann" | "hamming" | null;
  windowLength?: number;
  length: number;
}

function options({ window, windowLength, ...rest }: Args): StftOptions & { length: number } {
  const length = windowLength ?? rest.fftSize;
  const windows = { hann: hannWindow, hamming: hammingWindow };
  return { ...rest, window: window ? windows[window](length) : undefined };
}

await check<Args>("stft", {
  stft: (args, x) => stft(x, options(args)),
  istft: (args, x) => istft(x, options(args)),
  stftRoundTrip: (args, x) =>
    istft(stft(x, options(args)), { ...options(args), length: x.shape[1] as number }),
  hannWindow: ({ length }) => hannWindow(length),
  hammingWindow: ({ length }) => hammingWindow(length),
});
