/** Named checkpoints: their records and names. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  checkpointCachePath,
  localCheckpoint,
  pullCheckpoint,
  requireCheckpoint,
  sharedFile,
} from "@tessera-ml/hub";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failure, message, scratch } from "../../hub/test/scratch.ts";
import { accuracyOf } from "../src/index.ts";
import {
  classifierRecords,
  findRecord,
  readClassifierRecord,
  shippedClassifiers,
} from "../src/records/index.ts";
import { classifierSchema } from "../src/records/record.ts";

const realShared = sharedFile("weights/resnet-cifar");
let cache = "";
beforeEach(async () => {
  cache = await scratch();
  vi.stubEnv("TESSERA_CACHE", cache);
  vi.stubEnv("TESSERA_OFFLINE", "");
  vi.stubEnv("TESSERA_SHARED", join(cache, "no-shared"));
  vi.stubEnv("TESSERA_MODELS", join(cache, "models-of-ours"));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the registry", () => {
  const records = classifierRecords();

  it("is well formed", () => {
    for (const record of records) expect(() => classifierSchema.parse(record), record.name).not.toThrow();
    expect(new Set(records.map((record) => record.name)).size).toBe(records.length);
    const elsewhere = records.filter(({ source }) => source !== "tessera");
    const places = elsewhere.flatMap(({ files }) => files.map(({ url, shared }) => url ?? shared));
    expect(new Set(places).size).toBe(places.length);
    expect(places).not.toContain(undefined);
  });

  it("has the hash prefix from the file's name", () => {
    const files = records.flatMap((record) => record.files);
    const prefixed = files.filter(({ file }) => /-[0-9a-f]{8}\.\w+$/.test(file));
    expect(prefixed.length).toBeGreaterThan(35);
    for (const { file, sha256, shaPrefix } of prefixed) {
      const inName = /-([0-9a-f]{8})\.\w+$/.exec(file)![1];
      expect((sha256 ?? shaPrefix)!.slice(0, 8), file).toBe(inName);
    }
  });

  it("names torchvision's files as torchvision does", () => {
    const file = (name: string) => findRecord(name).files[0].url;
    const base = "https://download.pytorch.org/models";
    expect(file("alexnet.tv_in1k_v1")).toBe(`${base}/alexnet-owt-7be5be79.pth`);
    expect(file("resnet50.tv_in1k_v1")).toBe(`${base}/resnet50-0676ba61.pth`);
    expect(file("resnet50.tv_in1k_v2")).toBe(`${base}/resnet50-11ad3fa6.pth`);
    expect(file("vgg16_bn.tv_in1k_v1")).toBe(`${base}/vgg16_bn-6c64b313.pth`);
    expect(file("swin_s.tv_in1k_v1")).toBe(`${base}/swin_s-5e29d889.pth`);
    expect(records.filter((record) => record.source === "torchvision")).toHaveLength(34);
  });

  it("has equal parameter counts for equal networks from different sources", () => {
    const params = (name: string) => findRecord(name).params;
    for (const [one, two] of [
      ["resnet50.tv_in1k_v2", "resnet50.a1_in1k"],
      ["vit_b_16.tv_in1k_v1", "vit_base_patch16_224.augreg_in21k_ft_in1k"],
      ["convnext_large.tv_in1k_v1", "convnext_large.fb_in1k"],
      ["densenet161.tv_in1k_v1", "densenet161.tv_in1k"],
      ["mobilenet_v2.tv_in1k_v1", "mobilenetv2_100.ra_in1k"],
      ["swin_b.tv_in1k_v1", "swin_base_patch4_window7_224.ms_in1k"],
    ] as const) {
      expect(params(one)).toBe(params(two));
    }
  });

  it("has the preprocessing of each source", () => {
    expect(findRecord("resnet50.tv_in1k_v1").preprocessing).toMatchObject({
      resize: 256,
      interpolation: "bilinear",
    });
    expect(findRecord("resnet50.tv_in1k_v2").preprocessing).toMatchObject({ resize: 232, crop: [224, 224] });
    expect(findRecord("swin_t").preprocessing).toMatchObject({ resize: 232, interpolation: "bicubic" });
    const vit = findRecord("vit_small_patch16_224").preprocessing;
    expect(vit).toMatchObject({ resize: 248, interpolation: "bicubic", mean: [0.5, 0.5, 0.5] });
    expect(findRecord("mobilenetv1_100").preprocessing).toMatchObject({ resize: 256, mean: [0.5, 0.5, 0.5] });
    expect(findRecord("deit_tiny_patch16_224").preprocessing).toMatchObject({ mean: [0.485, 0.456, 0.406] });
    expect(findRecord("mobilenet_v2_tf").preprocessing).toMatchObject({
      centralFraction: 0.875,
      resize: [224, 224],
    });
  });
});

describe("the name of a checkpoint", () => {
  it("may be short, full, or a Hugging Face repository", () => {
    expect(findRecord("resnet50").name).toBe("resnet50.tv_in1k_v2");
    expect(findRecord("ResNet18").name).toBe("resnet18.tv_in1k_v1");
    expect(findRecord("timm/resnet50").name).toBe("resnet50.a1_in1k");
    expect(findRecord("timm/convnext_tiny.fb_in1k").name).toBe("convnext_tiny.fb_in1k");
    expect(findRecord("torchvision/vit_b_16").name).toBe("vit_b_16.tv_in1k_v1");
    expect(findRecord("google/vit-base-patch16-224").name).toBe("vit_base_patch16_224.hf_google");
  });

  it("suggests similar names if unknown", () => {
    expect(message(() => findRecord("resnet-51"))).toBe(
      'no checkpoint is called "resnet-51". Did you mean resnet50 or resnet101 or resnet152? `tessera models` lists all.',
    );
    expect(message(() => findRecord("qwertyuiop"))).toBe(
      'no checkpoint is called "qwertyuiop". `tessera models` lists all.',
    );
    expect(message(() => findRecord("timm/alexnet"))).toContain("alexnet");
  });
});

describe("on this machine", () => {
  it("says how to get an absent checkpoint", async () => {
    const absent = await failure(requireCheckpoint(findRecord("resnet18")), "absent");
    expect(absent.message).toBe(
      "resnet18.tv_in1k_v1 is not on this machine.\n`tessera pull resnet18.tv_in1k_v1` downloads it (44.7 MiB).",
    );
    const nowhere = await failure(pullCheckpoint(findRecord("mobilenet_v2_tf")), "absent");
    expect(nowhere.message).toContain(
      "It is not published; if you have mobilenet_v2_1.0_224_quant.safetensors",
    );
  });

  it.runIf(realShared)(
    "finds the real files in the shared folder without writing there (skipped if the shared data is absent)",
    async () => {
      const folder = join(cache, "shared", "data", "weights", "resnet-cifar");
      await mkdir(folder, { recursive: true });
      const name = "resnet20-12fca82f.th";
      await writeFile(join(folder, name), await readFile(join(realShared!, name)));
      vi.stubEnv("TESSERA_SHARED", join(cache, "shared"));
      const record = findRecord("cifar_resnet20");
      const shared = { place: "shared", against: "sha256", fetched: false };
      expect(await pullCheckpoint(record)).toMatchObject(shared);
      expect(await readdir(folder)).toEqual([name]);
      // Placed by hand and marked as verified, so it is not read again.
      const path = checkpointCachePath(record);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await readFile(join(folder, name)));
      expect(await localCheckpoint(record)).toMatchObject({ place: "cache", against: "sha256" });
      expect(await readdir(dirname(path))).toEqual([name, `${name}.verified.json`]);
    },
  );
});

describe("shipped classifiers", () => {
  const record = {
    name: "lenet5.mnist",
    task: "image-classification",
    network: "lenet5",
    source: "tessera",
    files: [{ file: "model.safetensors", size: 5_000, sha256: "0".repeat(64) }],
    licence: "Apache-2.0",
    preprocessing: {
      library: "pil",
      interpolation: "bilinear",
      resize: [28, 28],
      mean: [0.1307],
      std: [0.3081],
    },
    classes: { count: 10, labels: "digits" },
    evaluation: { dataset: "mnist", metrics: { top1: 98.8 } },
    params: 60_000,
    reference: "LeCun et al. 1998",
  };

  async function write(content: Readonly<Record<string, unknown>>): Promise<string> {
    const path = join(cache, "models-of-ours", String(content.name), "record.json");
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  it("come first and are found by name", async () => {
    const path = await write(record);
    expect(classifierRecords()[0]).toEqual(record);
    expect(findRecord("LeNet5")).toEqual(record);
    expect(findRecord("tessera/lenet5.mnist")).toEqual(record);
    expect(readClassifierRecord(path)).toEqual(record);
    expect(accuracyOf(findRecord("lenet5"))).toEqual({ dataset: "mnist", top1: 98.8 });
  });

  it("coexist with checkpoints of other tasks", async () => {
    const { preprocessing: _, classes: __, ...general } = record;
    const path = await write({ ...general, name: "whisper_tiny.test", task: "speech-recognition" });
    await write(record);
    expect(shippedClassifiers()).toEqual([record]);
    expect(message(() => findRecord("whisper_tiny.test"))).toContain("no checkpoint is called");
    expect(message(() => readClassifierRecord(path))).toContain("→ at task");
  });

  it.each([
    ["an unknown field", { colour: "red" }, "colour"],
    ["an unknown metric", { evaluation: { dataset: "mnist", metrics: { top2: 99 } } }, "top2"],
    ["an accuracy above 100 %", { evaluation: { dataset: "mnist", metrics: { top1: 101 } } }, "top1"],
    ["an accuracy without top-1", { evaluation: { dataset: "mnist", metrics: { top5: 99 } } }, "top1"],
    ["unknown labels", { classes: { count: 10, labels: "letters" } }, "classes.labels"],
    ["no preprocessing", { preprocessing: undefined }, "preprocessing"],
  ])("cannot have %s", async (_, wrong, expected) => {
    const path = await write({ ...record, ...wrong });
    const error = message(classifierRecords);
    expect(error).toContain(`${path}: not a valid checkpoint record`);
    expect(error).toContain(expected);
  });
});
