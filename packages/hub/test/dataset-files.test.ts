import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it, vi } from "vitest";
import {
  countOf,
  type DatasetRecord,
  dataCachePath,
  datasetStates,
  getDataset,
  requireForm,
} from "../src/index.ts";
import { bytes, failure, sha256 } from "./scratch.ts";
import { file } from "./server.ts";
import { testHub } from "./test-hub.ts";

const hub = testHub({ TESSERA_SHARED: "shared" });
const { server } = hub;

const contents = { train: bytes(3_000), test: bytes(2_000, 2), flac: bytes(5_000, 3) };
const fileOf = (split: "train" | "test") => ({
  file: `${split}.wav`,
  split,
  urls: [`https://example.org/s/${split}.wav`, `https://mirror.example/t/${split}.wav`],
  size: contents[split].length,
  sha256: sha256(contents[split]),
});

const speech: DatasetRecord = {
  kind: "recordings",
  name: "speech",
  title: "Made-up speech",
  licence: "CC0-1.0",
  home: "https://example.org/speech",
  reference: "none",
  splits: { train: 30, test: 20 },
  forms: [
    { format: "wav", files: [fileOf("train"), fileOf("test")] },
    { format: "flac", files: [{ file: "all.flac", urls: [], shared: "speech/all.flac" }] },
  ],
};
const unpublished: DatasetRecord = {
  ...speech,
  name: "speech-clean",
  title: "Made-up speech without noise",
  splits: undefined,
  forms: [{ format: "flac", files: [{ file: "clean.flac", urls: [], sha256: sha256(contents.flac) }] }],
};

async function put(path: string, value: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, value);
}
const serve = () => {
  server.on("/s/train.wav", file(contents.train));
  server.on("/s/test.wav", file(contents.test));
};

it("downloads the files of a split, then those missing for the others", async () => {
  serve();
  expect(await getDataset(speech, { split: "test" })).toEqual({ fetched: 1 });
  expect((await requireForm(speech, "test")).files.map((each) => each.path)).toEqual([
    join(hub.cache, "data", "speech", "test.wav"),
  ]);
  await failure(requireForm(speech, "train"), "absent");
  expect(await getDataset(speech)).toEqual({ fetched: 1 });
  expect(await getDataset(speech)).toEqual({ fetched: 0 });
  expect(server.requests).toHaveLength(2);
  const local = await requireForm(speech);
  expect(local.form.format).toBe("wav");
  expect(local.files.map(({ cached }) => cached)).toEqual([true, true]);
});

it("falls back to a mirror, and rejects a wrong file", async () => {
  server.on("/t/train.wav", file(contents.train));
  server.on("/s/test.wav", file(bytes(2_000, 9)));
  server.on("/t/test.wav", file(bytes(2_000, 9)));
  await failure(getDataset(speech), "checksum");
  expect((await readdir(join(hub.cache, "data", "speech"))).filter((name) => name.endsWith(".wav"))).toEqual([
    "train.wav",
  ]);
});

it("reads the first complete form, the cache before the shared folder", async () => {
  await put(join(hub.cache, "shared", "data", "speech", "all.flac"), contents.flac);
  await put(dataCachePath(speech, "train.wav"), contents.train);
  expect((await requireForm(speech, "train")).form.format).toBe("wav");
  const whole = await requireForm(speech);
  expect(whole.form.format).toBe("flac");
  expect(whole.files[0]).toMatchObject({ cached: false });
  await put(dataCachePath(speech, "all.flac"), contents.flac);
  expect((await requireForm(speech)).files[0]).toMatchObject({ cached: true });
  expect(await getDataset(speech)).toEqual({ fetched: 0 });
});

it("reports where each data set is", async () => {
  const states = async () => (await datasetStates([speech, unpublished])).map(({ place }) => place);
  expect(await states()).toEqual(["absent", "absent"]);
  const [first, second] = await datasetStates([speech, unpublished]);
  expect([first!.size, second!.size]).toEqual([5_000, undefined]);
  await put(join(hub.cache, "shared", "data", "speech", "all.flac"), contents.flac);
  await put(dataCachePath(unpublished, "clean.flac"), contents.flac);
  expect(await states()).toEqual(["shared", "cache"]);
});

it("says how to get missing files", async () => {
  const online = await failure(requireForm(speech), "absent");
  expect(online.message).toBe(
    "speech is not on this machine. `tessera data get speech` downloads it (4.9 KiB).",
  );
  vi.stubEnv("TESSERA_OFFLINE", "1");
  const offline = await failure(requireForm(speech), "absent");
  expect(offline.message).toContain("https://example.org/s/train.wav");
  expect(offline.message).toContain(dataCachePath(speech, "train.wav"));
  expect(offline.message).toContain("It has 2 files");
  await failure(getDataset(speech), "offline");
  const nowhere = await failure(getDataset(unpublished), "absent");
  expect(nowhere.message).toContain("not published in this form");
  expect(nowhere.message).toContain(
    `${dataCachePath(unpublished, "clean.flac")}  (SHA-256 ${sha256(contents.flac)})`,
  );
});

it("suggests a related data set that is available", async () => {
  const others = [speech, unpublished];
  expect((await failure(requireForm(speech, "test", others), "absent")).message).not.toContain("Here is");
  await put(dataCachePath(unpublished, "clean.flac"), contents.flac);
  const near = await failure(requireForm(speech, "test", others), "absent");
  expect(near.message).toContain("\nHere is only speech-clean (Made-up speech without noise).");
  const elsewhere = others.map((record) => ({ ...record, home: `https://${record.name}.example` }));
  expect((await failure(requireForm(speech, "test", elsewhere), "absent")).message).not.toContain("Here is");
});

it("knows its splits", async () => {
  expect(countOf(speech, "test")).toBe(20);
  const error = await failure(getDataset(speech, { split: "dev" }), "unknown-name");
  expect(error.message).toBe("speech has no split dev; expected train or test");
});
