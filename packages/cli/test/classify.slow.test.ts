/** `tessera classify` on every kind of input, with the shipped digit network. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeImage, Image } from "@tessera-ml/media";
import type { Classification } from "@tessera-ml/vision";
import { afterAll, beforeAll, expect, test } from "vitest";
import { file, TestServer } from "../../hub/test/server.ts";
import { shippedClassifiers } from "../../vision/src/records/index.ts";
import { one, png, write, zero } from "./pictures.ts";
import { scratch, tessera } from "./run.ts";

const folder = await scratch();
const server = new TestServer();
const LENET = ["--model", "lenet5"];

beforeAll(async () => {
  await server.listen();
  await mkdir(join(folder, "in", "deep"), { recursive: true });
  await write(join(folder, "in", "one.png"), one());
  await write(join(folder, "in", "deep", "zero.png"), zero());
  await writeFile(join(folder, "in", "notes.txt"), "no picture");
  await writeFile(join(folder, "broken.jpg"), "not a picture");
  await write(join(folder, "blank.png"), new Image(40, 40, 3));
  server.on("/one.png", file(await png(one())));
});
afterAll(() => server.close());

type Line = Classification & { input: string };

const lines = (text: string): Line[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
const found = (results: readonly Line[]) =>
  results.map(({ input, predictions }) => `${input} ${predictions[0]?.label}`);

test("files, folders, patterns, URLs and standard input give JSON lines; unreadable inputs are reported", async () => {
  const words = [
    "in",
    "in/*.png",
    `${server.origin}/one.png`,
    `${server.origin}/absent.png`,
    "-",
    "broken.jpg",
    "blank.png",
  ];
  const options = { cwd: folder, stdin: await png(zero()) };
  const { out, err, code } = await tessera(
    ["classify", ...words, "gone.png", "*.gif", ...LENET, "--top", "2"],
    options,
  );
  const results = lines(out);
  expect(found(results)).toEqual([
    `${join("in", "deep", "zero.png")} 0`,
    `${join("in", "one.png")} 1`,
    `${join("in", "one.png")} 1`,
    `${server.origin}/one.png 1`,
    "standard input 0",
  ]);
  for (const { model, predictions, image, milliseconds } of results) {
    expect(model).toBe("lenet5.tessera");
    expect(predictions).toHaveLength(2);
    expect(image.height).toBe(80);
    expect(milliseconds).toBeGreaterThan(0);
  }
  expect(err.match(/^error: .*$/gm)).toEqual([
    "error: gone.png: no such file or folder",
    "error: *.gif: no file matches",
    expect.stringContaining(`${server.origin}/absent.png: `),
    expect.stringContaining("broken.jpg: not an image"),
    expect.stringContaining("blank.png: no digit found"),
  ]);
  expect(code).toBe(1);
});

test("--json: one array, with an entry for each compared network", async () => {
  const { out, err, code } = await tessera(
    ["classify", "in/one.png", ...LENET, "--model", "lecun1989", "--json"],
    { cwd: folder },
  );
  const results = JSON.parse(out) as Line[];
  expect(results.map(({ model }) => model)).toEqual(["lenet5.tessera", "lecun1989.tessera"]);
  for (const { predictions } of results) expect(predictions).toHaveLength(5);
  expect({ err, code }).toEqual({ err: "", code: 0 });
});

test("a truncated picture is reported, and read with --tolerant", async () => {
  const whole = await encodeImage(one(), "jpeg", { quality: 95 });
  const cut = whole.slice(0, whole.length - 200);
  await writeFile(join(folder, "cut.jpg"), cut);
  await writeFile(join(folder, "phone.heic"), "\0\0\0\x18ftypheic\0\0\0\0mif1heic");
  const words = ["classify", "cut.jpg", "phone.heic", "-", ...LENET];
  const refused = await tessera(words, { cwd: folder, stdin: cut.subarray(0, 100) });
  expect(refused.err.trim().split("\n")).toEqual([
    `error: cut.jpg: cut short: the JPEG file ends at byte ${cut.length}, before the image is complete (--tolerant reads it as far as it goes)`,
    "error: phone.heic: HEIC is not supported; expected JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP",
    "error: standard input: cut short: the JPEG file ends at byte 100, before the image is complete (--tolerant reads it as far as it goes)",
  ]);
  expect(refused).toMatchObject({ out: "", code: 1 });
  const { out, err, code } = await tessera(["classify", "cut.jpg", ...LENET, "--tolerant"], { cwd: folder });
  expect(found(lines(out))).toEqual(["cut.jpg 1"]);
  expect({ err, code }).toEqual({ err: "", code: 0 });
});

test("without --model and any checkpoint for photographs, the error says what to do", async () => {
  const nothing = { TESSERA_SHARED: folder, TESSERA_CACHE: folder, TESSERA_MODELS: folder };
  const { err, code } = await tessera(["classify", "in/one.png"], { cwd: folder, env: nothing });
  expect(err).toContain("no checkpoint for photographs on this machine; `tessera pull");
  expect(code).toBe(1);
});

const small = shippedClassifiers().some(({ classes }) => classes.labels === "cifar10");

test.skipIf(!small)(
  "without --model, the best shipped checkpoint answers, with a note about its ten classes",
  async () => {
    const bare = { TESSERA_SHARED: folder, TESSERA_CACHE: folder };
    const { out, err, code } = await tessera(["classify", "in/one.png"], { cwd: folder, env: bare });
    expect(lines(out)[0]?.model).toMatch(/^cifar_.*\.tessera$/);
    expect(err).toContain("knows 10 classes: airplane, automobile");
    expect(err).toContain("`tessera pull mobilenet_v2` downloads a network that knows 1,000.");
    expect(code).toBe(0);
  },
);

test("offline, a checkpoint that is absent: the error says what to do", async () => {
  const { err, code } = await tessera(["classify", "in/one.png", "-m", "resnet18.tv_in1k_v1"], {
    cwd: folder,
    env: { TESSERA_CACHE: folder },
  });
  expect(err).toContain("TESSERA_OFFLINE is set");
  expect(err).toContain("https://download.pytorch.org/models/resnet18-f37072fd.pth");
  expect(code).toBe(1);
});

test("a closed pipe is not an error", async () => {
  const many = new Array(300).fill("in/one.png");
  const { err } = await tessera(["classify", ...many, ...LENET], {
    cwd: folder,
    onOutput: (_, child) => child.stdout?.destroy(),
  });
  expect(err).toBe("");
});
