/** The routes of segmentation and tracking, with a network with made-up weights. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeImage, encodeVideo, Image, type VideoFrame } from "@tessera-ml/media";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Studio, startStudio } from "../../src/server/index.ts";
import { shipSegmentModel } from "../support/segment-models.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder = "";
let studio: Studio;
const picture = new Image(96, 64, 3);
picture.data.forEach((_, i) => (picture.data[i] = (i * 7) % 251));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tessera-segment-server-"));
  vi.stubEnv("TESSERA_MODELS", join(folder, "models"));
  vi.stubEnv("TESSERA_CACHE", join(folder, "cache"));
  await shipSegmentModel(join(folder, "models"));
  studio = await startStudio({ port: 0 });
});
afterAll(async () => {
  await studio?.close();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const ask = async (command: string, body: FormData) => {
  const response = await fetch(`${studio.url}api/${command}`, { method: "POST", body });
  return { status: response.status, json: await response.json() };
};

test("prompts in a form keep their commas, and a picture is encoded once", async () => {
  const png = new Blob([new Uint8Array(await encodeImage(picture, "png"))]);
  const form = () => {
    const data = new FormData();
    data.append("image", png, "a.png");
    data.append("point", "a=40,30");
    data.append("point", "b=10,10");
    data.append("box", "b=5,5,60,50");
    data.append("picture", "false");
    return data;
  };
  const { status, json } = await ask("segment", form());
  expect(status).toBe(200);
  const [first] = json.results;
  expect(first).toMatchObject({ model: "sam2_lite.random", width: 96, height: 64 });
  expect(first.objects.map(({ name }: { name: string }) => name)).toEqual(["a", "b"]);
  expect(first).not.toHaveProperty("png");
  const again = (await ask("segment", form())).json.results[0];
  expect(again.milliseconds.encoder).toBe(0);
  expect(again.objects).toEqual(first.objects);
});

test("a prompt outside of the picture is a bad request that names it", async () => {
  const form = new FormData();
  form.append("image", new Blob([new Uint8Array(await encodeImage(picture, "png"))]), "a.png");
  form.append("point", "400,30");
  const { status, json } = await ask("segment", form);
  expect(status).toBe(400);
  expect(json.error.message).toContain("expected x from 0 to 96, y from 0 to 64, got 400, 30");
});

test("a video is followed with the checkpoints of segmentation", async () => {
  const frames = Array.from(
    { length: 3 },
    (_, i): VideoFrame => ({ image: picture, timestamp: i / 5, duration: 0.2 }),
  );
  const video = new Blob([new Uint8Array(await encodeVideo(frames, "webm"))]);
  const form = new FormData();
  form.append("video", video, "a.webm");
  form.append("point", "cup=40,30@0");
  form.append("models", "sam2_lite.random");
  const { status, json } = await ask("track", form);
  expect(status).toBe(200);
  expect(json.results[0].frames).toHaveLength(3);
  expect(json.results[0].frames[2].objects[0]).toMatchObject({
    name: "cup",
    segmentation: { size: [64, 96] },
  });

  const models = (await (await fetch(`${studio.url}api/models`)).json()).models as {
    name: string;
    task: string;
  }[];
  expect(models.filter(({ name }) => name === "sam2_lite.random")).toMatchObject([
    { task: "mask-generation" },
  ]);
  const { tasks } = await (await fetch(`${studio.url}api/tasks`)).json();
  const track = tasks.find(({ command }: { command: string }) => command === "track");
  expect(track.checkpoints).toBe("mask-generation");
});
