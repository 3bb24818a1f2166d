import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { sharedFile } from "../src/environment.ts";
import {
  type CheckpointRecord,
  findModel,
  localModel,
  modelCachePath,
  modelRecords,
  pullModel,
  requireModel,
  shipModel,
  shippedRecords,
} from "../src/index.ts";
import { checkpointSchema } from "../src/models/record.ts";
import { closest } from "../src/names.ts";
import { bytes, failure, scratch, sha256 } from "./scratch.ts";
import { file, TestServer } from "./server.ts";

const realShared = sharedFile("weights/resnet-cifar");
const server = new TestServer();
beforeAll(() => server.listen());
afterAll(() => server.close());
let cache = "";
beforeEach(async () => {
  cache = await scratch();
  vi.stubEnv("TESSERA_CACHE", cache);
  vi.stubEnv("TESSERA_HUB", server.origin);
  vi.stubEnv("TESSERA_OFFLINE", "");
  vi.stubEnv("TESSERA_SHARED", join(cache, "no-shared"));
  vi.stubEnv("TESSERA_MODELS", join(cache, "no-models"));
});
afterEach(() => {
  server.reset();
  vi.unstubAllEnvs();
});

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected an error");
}

describe("the registry", () => {
  const records = modelRecords();

  it("is well formed", () => {
    for (const record of records) expect(() => checkpointSchema.parse(record), record.name).not.toThrow();
    expect(new Set(records.map((record) => record.name)).size).toBe(records.length);
    const elsewhere = records.filter(({ source }) => source !== "tessera");
    const places = elsewhere.map((record) => record.url ?? record.shared);
    expect(new Set(places).size).toBe(places.length);
    expect(places).not.toContain(undefined);
  });

  it("carries the hash prefix that the file's name carries", () => {
    const prefixed = records.filter((record) => /-[0-9a-f]{8}\.\w+$/.test(record.file));
    expect(prefixed.length).toBeGreaterThan(35);
    for (const record of prefixed) {
      const inName = /-([0-9a-f]{8})\.\w+$/.exec(record.file)![1];
      expect((record.sha256 ?? record.shaPrefix)!.slice(0, 8), record.name).toBe(inName);
    }
  });

  it("names torchvision's files as torchvision does", () => {
    const file = (name: string) => findModel(name).url;
    const base = "https://download.pytorch.org/models";
    expect(file("alexnet.tv_in1k_v1")).toBe(`${base}/alexnet-owt-7be5be79.pth`);
    expect(file("resnet50.tv_in1k_v1")).toBe(`${base}/resnet50-0676ba61.pth`);
    expect(file("resnet50.tv_in1k_v2")).toBe(`${base}/resnet50-11ad3fa6.pth`);
    expect(file("vgg16_bn.tv_in1k_v1")).toBe(`${base}/vgg16_bn-6c64b313.pth`);
    expect(file("swin_s.tv_in1k_v1")).toBe(`${base}/swin_s-5e29d889.pth`);
    expect(records.filter((record) => record.source === "torchvision")).toHaveLength(34);
  });

  it("gives equal networks equal counts, whoever published them", () => {
    const params = (name: string) => findModel(name).params;
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

  it("knows how each was preprocessed", () => {
    expect(findModel("resnet50.tv_in1k_v1").preprocessing).toMatchObject({
      resize: 256,
      interpolation: "bilinear",
    });
    expect(findModel("resnet50.tv_in1k_v2").preprocessing).toMatchObject({ resize: 232, crop: [224, 224] });
    expect(findModel("swin_t").preprocessing).toMatchObject({ resize: 232, interpolation: "bicubic" });
    const vit = findModel("vit_small_patch16_224").preprocessing;
    expect(vit).toMatchObject({ resize: 248, interpolation: "bicubic", mean: [0.5, 0.5, 0.5] });
    expect(findModel("mobilenetv1_100").preprocessing).toMatchObject({ resize: 256, mean: [0.5, 0.5, 0.5] });
    expect(findModel("deit_tiny_patch16_224").preprocessing).toMatchObject({ mean: [0.485, 0.456, 0.406] });
    expect(findModel("mobilenet_v2_tf").preprocessing).toMatchObject({
      centralFraction: 0.875,
      resize: [224, 224],
    });
  });
});

describe("a model's name", () => {
  it("may be short, long, or a page of Hugging Face", () => {
    expect(findModel("resnet50").name).toBe("resnet50.tv_in1k_v2");
    expect(findModel("ResNet18").name).toBe("resnet18.tv_in1k_v1");
    expect(findModel("timm/resnet50").name).toBe("resnet50.a1_in1k");
    expect(findModel("timm/convnext_tiny.fb_in1k").name).toBe("convnext_tiny.fb_in1k");
    expect(findModel("torchvision/vit_b_16").name).toBe("vit_b_16.tv_in1k_v1");
    expect(findModel("google/vit-base-patch16-224").name).toBe("vit_base_patch16_224.hf_google");
  });

  it("if unknown, brings the ones like it", () => {
    expect(message(() => findModel("resnet-51"))).toBe(
      'no model is called "resnet-51". Did you mean resnet50 or resnet101 or resnet152? `tessera models` lists all.',
    );
    expect(message(() => findModel("qwertyuiop"))).toBe(
      'no model is called "qwertyuiop". `tessera models` lists all.',
    );
    expect(message(() => findModel("timm/alexnet"))).toContain("alexnet");
    const names = ["resnet18", "senet154", "convnext_tiny", "convnext_small", "vgg16", "mnist"];
    expect(closest("convnet", names, 2)).toEqual(["convnext_tiny", "convnext_small"]);
    expect(closest("res net", names, 1)).toEqual(["resnet18"]);
    expect(closest("mnits", names)).toEqual(["mnist"]);
    expect(closest("zzz", names)).toEqual([]);
  });
});

describe("pulling", () => {
  const record = findModel("resnet18");
  // The real file is not here: its record with the hash of another stands in.
  const content = bytes(200_000);

  it("downloads from the mirror into the cache, and refuses what is not the file", async () => {
    server.on("/models/resnet18-f37072fd.pth", file(content));
    const error = await failure(pullModel("resnet18"), "checksum");
    expect(error.message).toContain("expected a SHA-256 that starts with f37072fd");
    expect(existsSync(modelCachePath(record))).toBe(false);
  });

  it("takes a file without known hash, and does not fetch it twice", async () => {
    const name = "deit_tiny_patch16_224.fb_in1k";
    server.on(`/timm/${name}/resolve/main/model.safetensors`, file(content));
    const first = await pullModel(name);
    expect(first).toMatchObject({ fetched: true, place: "cache", against: "none", sha256: sha256(content) });
    expect(first.path).toBe(join(cache, "models", name, "model.safetensors"));
    expect(await pullModel(name)).toMatchObject({ fetched: false, place: "cache" });
    expect(server.requests).toHaveLength(1);
    expect((await requireModel(name)).path).toBe(first.path);
  });

  it("says how to get what is not here", async () => {
    expect(await localModel("resnet18")).toBeUndefined();
    const online = await failure(requireModel("resnet18"), "absent");
    expect(online.message).toBe(
      "resnet18.tv_in1k_v1 is not on this machine.\n`tessera pull resnet18.tv_in1k_v1` downloads it (44.7 MiB).",
    );
    vi.stubEnv("TESSERA_OFFLINE", "1");
    const offline = await failure(requireModel("resnet18"), "absent");
    expect(offline.message).toContain("https://download.pytorch.org/models/resnet18-f37072fd.pth");
    expect(offline.message).toContain(modelCachePath(record));
    expect(offline.message).toContain("TESSERA_HUB");
    await failure(pullModel("resnet18"), "offline");
    const nowhere = await failure(pullModel("mobilenet_v2_tf"), "absent");
    expect(nowhere.message).toContain(
      "It is published nowhere; who has mobilenet_v2_1.0_224_quant.safetensors",
    );
  });

  it("accepts a file that was put there by hand, once it is verified", async () => {
    const name = "cifar_resnet20.akamaster";
    const path = modelCachePath(findModel(name));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    const error = await failure(localModel(name), "size");
    expect(error.message).toBe(
      `${path} (195.3 KiB): expected 1099231 bytes, got 200000. Delete it, or put the right ` +
        "resnet20-12fca82f.th in its place.",
    );
    // Pulling replaces it, or says why it cannot.
    await failure(pullModel(name), "not-found");
  });

  it.runIf(realShared)(
    "finds the real ones in the shared folder, and leaves nothing there (skipped where the shared data is absent)",
    async () => {
      const folder = join(cache, "shared", "data", "weights", "resnet-cifar");
      await mkdir(folder, { recursive: true });
      await writeFile(
        join(folder, "resnet20-12fca82f.th"),
        await readFile(join(realShared!, "resnet20-12fca82f.th")),
      );
      vi.stubEnv("TESSERA_SHARED", join(cache, "shared"));
      expect(await pullModel("cifar_resnet20")).toMatchObject({
        place: "shared",
        against: "sha256",
        fetched: false,
      });
      expect(await readdir(folder)).toEqual(["resnet20-12fca82f.th"]);
      // By hand, and marked so that it is not read again.
      const path = modelCachePath(findModel("cifar_resnet20"));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await readFile(join(folder, "resnet20-12fca82f.th")));
      expect(await localModel("cifar_resnet20")).toMatchObject({ place: "cache", against: "sha256" });
      expect(await readdir(dirname(path))).toEqual([
        "resnet20-12fca82f.th",
        "resnet20-12fca82f.th.verified.json",
      ]);
    },
  );
});

describe("the checkpoints that come along", () => {
  const given: Omit<CheckpointRecord, "size" | "sha256" | "source"> = {
    name: "lenet5.mnist",
    family: "lenet",
    preset: "lenet5",
    file: "model.safetensors",
    licence: "Apache-2.0",
    preprocessing: {
      library: "pil",
      interpolation: "bilinear",
      resize: [28, 28],
      mean: [0.1307],
      std: [0.3081],
    },
    classes: { count: 10, labels: "digits" },
    accuracy: { dataset: "mnist", top1: 98.8 },
    params: 60_000,
    reference: "LeCun et al. 1998",
  };
  const content = bytes(5_000);

  async function ship(): Promise<string> {
    const folder = join(cache, "models-of-ours", given.name);
    vi.stubEnv("TESSERA_MODELS", dirname(folder));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, given.file), content);
    await shipModel(given);
    return folder;
  }

  it("are found by their folders", async () => {
    expect(shippedRecords()).toEqual([]);
    const folder = await ship();
    const [record] = shippedRecords();
    expect(record).toEqual({ ...given, source: "tessera", size: 5_000, sha256: sha256(content) });
    expect(findModel("lenet5")).toEqual(record);
    expect(modelRecords()[0]).toEqual(record);
    expect(await pullModel("lenet5.mnist")).toMatchObject({
      place: "shipped",
      against: "sha256",
      fetched: false,
    });
    expect(await readdir(folder)).toEqual(["model.safetensors", "record.json"]);
  });

  it("are verified", async () => {
    const folder = await ship();
    await writeFile(join(folder, given.file), bytes(5_000, 2));
    await failure(localModel("lenet5"), "checksum");
  });

  it("must have a right record", async () => {
    const folder = await ship();
    const path = join(folder, "record.json");
    const record = JSON.parse(readFileSync(path, "utf8")) as CheckpointRecord;
    await writeFile(path, JSON.stringify({ ...record, params: "many", colour: "red" }));
    const wrong = message(shippedRecords);
    expect(wrong).toContain(`${path}: no record of a checkpoint`);
    expect(wrong).toContain("params");
    expect(wrong).toContain("colour");
    await writeFile(path, JSON.stringify({ ...record, name: "lenet6.mnist" }));
    expect(message(shippedRecords)).toBe(`${path}: expected name "lenet5.mnist", got "lenet6.mnist"`);
    await writeFile(path, "{");
    expect(message(shippedRecords)).toContain(`${path}: no record of a checkpoint`);
    await failure(shipModel({ ...given, name: "not.there" }), "absent");
  });
});
