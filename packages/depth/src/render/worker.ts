/** A thread of `renderPairs`: renders the seeds that it is sent. */
import { parentPort, workerData } from "node:worker_threads";
import { Image } from "@tessera-ml/media";
import { type RenderOptions, renderPair } from "./render.ts";
import type { RenderedBytes } from "./threads.ts";

const { photos = [], ...options } = workerData as RenderOptions;
const images = photos.map(({ width, height, channels, data }) => new Image(width, height, channels, data));

parentPort?.on("message", (seed: number) => {
  const { image, depth } = renderPair(seed, { ...options, photos: images });
  const { width, height } = image;
  const answer: RenderedBytes = { size: { width, height }, image: image.data, depth: depth.data };
  parentPort?.postMessage(answer, [image.data.buffer as ArrayBuffer, depth.data.buffer as ArrayBuffer]);
});
