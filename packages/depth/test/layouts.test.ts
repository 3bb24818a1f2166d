import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { Image, Planes, writeDepth, writeImage } from "@tessera-ml/media";
import { writeNpy } from "@tessera-ml/nn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LAYOUTS, openDepthSets } from "../src/data/index.ts";
import { associate } from "../src/data/layouts/timestamps.ts";
import { encodePfm } from "../src/index.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "layouts-"));
});
afterAll(() => rm(root, { recursive: true }));

const [WIDTH, HEIGHT] = [6, 4];
const picture = new Image(WIDTH, HEIGHT, 3, new Uint8Array(3 * WIDTH * HEIGHT).fill(120));
/** 0 at the first pixel, then 1 m, 2 m, … */
const ramp = () =>
  new Planes(
    1,
    HEIGHT,
    WIDTH,
    Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => i),
  );

const image = (path: string) => writeImage(join(root, path), picture);
const depth = (path: string, unit?: number, map = ramp()) => writeDepth(join(root, path), map, unit);
const text = async (path: string, content: string | Uint8Array) => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};
const open = async (folder: string, options = {}) => (await openDepthSets(join(root, folder), options)).sets;
/** The error of the pair of that name. */
const reason = async (folder: string, name: string) => {
  const [set] = await open(folder);
  const index = set!.pairs.findIndex((pair) => pair.name === name);
  return await set!.read(index).then(
    () => "none",
    (error: Error) => error.message.replaceAll(root, ""),
  );
};

describe("layouts", () => {
  test("KITTI: annotated depth finds its raw images, only those of Eigen's list if there is one", async () => {
    const drive = "2011_09_26_drive_0002_sync";
    for (const frame of ["0000000005", "0000000006", "0000000007"]) {
      await image(`kitti/2011_09_26/${drive}/image_02/data/${frame}.png`);
      await depth(`kitti/val/${drive}/proj_depth/groundtruth/image_02/${frame}.png`, 1 / 256);
    }
    await image(`kitti/2011_09_26/${drive}/image_02/data/0000000001.png`); // not annotated
    await depth(`kitti/val/${drive}/proj_depth/groundtruth/image_03/0000000005.png`, 1 / 256);
    const [all, none] = await open("kitti");
    expect(none).toBeUndefined();
    expect(all).toMatchObject({ name: "kitti", layout: "kitti", protocol: { cap: 80, crop: "garg" } });
    expect(all!.pairs.map(({ name }) => name.slice(drive.length + 1))).toEqual([
      "image_02 0000000005",
      "image_02 0000000006",
      "image_02 0000000007",
      "image_03 0000000005",
    ]);
    expect((await all!.read(0)).target.data.slice(0, 3)).toEqual(Float32Array.of(0, 1, 2));
    expect(await reason("kitti", `${drive} image_03 0000000005`)).toBe(
      `/kitti/val/${drive}/proj_depth/groundtruth/image_03/0000000005.png: there is no image for it`,
    );
    await text(
      "kitti/eigen_test_files_with_gt.txt",
      [
        `2011_09_26/${drive}/image_02/data/0000000006.png ${drive}/proj_depth/groundtruth/image_02/0000000006.png 721.5`,
        `2011_09_26/${drive}/image_02/data/0000000001.png None 721.5`,
      ].join("\n"),
    );
    expect((await open("kitti"))[0]!.pairs).toHaveLength(1);
  });

  test("KITTI's selection has no crop", async () => {
    const name = (kind: string) => `2011_09_26_drive_0002_sync_${kind}_0000000005_image_02.png`;
    await image(`selection/image/${name("image")}`);
    await depth(`selection/groundtruth_depth/${name("groundtruth_depth")}`, 1 / 256);
    const [set] = await open("selection");
    expect(set!.protocol).toEqual({ cap: 80 });
    expect((await set!.read(0)).target.data[5]).toBe(5);
  });

  test("TUM: files are paired by time", async () => {
    for (const time of ["1.000", "1.500", "2.000"]) await image(`room/rgb/${time}.png`);
    for (const time of ["1.010", "1.490", "3.000"]) await depth(`room/depth/${time}.png`, 1 / 5000);
    await text(
      "room/rgb.txt",
      "# color images\n# timestamp filename\n1.000 rgb/1.000.png\n1.500 rgb/1.500.png\n2.000 rgb/2.000.png\n",
    );
    await text("room/depth.txt", "1.010 depth/1.010.png\n1.490 depth/1.490.png\n3.000 depth/3.000.png\n");
    const [set] = await open("room");
    expect(set).toMatchObject({ name: "room", layout: "tum", protocol: { cap: 10 } });
    expect(set!.pairs.map(({ name }) => name)).toEqual(["1.000", "1.500"]);
    expect((await set!.read(0)).target.data[3]).toBeCloseTo(3, 5);
    await text("room/depth.txt", "depth/1.010.png 1.010\n");
    await expect(open("room")).rejects.toThrow("depth.txt: expected lines `timestamp file`");
  });

  test("Redwood: by name, or by the time in the name", async () => {
    await image("scene/color/00000.jpg");
    await depth("scene/depth/00000.png");
    await depth("scene/depth/00001.png");
    await text("scene/trajectory.log", "0 0 1\n");
    const [set] = await open("scene");
    expect(set).toMatchObject({ layout: "redwood", protocol: { cap: 10 } });
    expect((await set!.read(0)).target.data[7]).toBe(7);
    expect(await reason("scene", "00001")).toBe("/scene/depth/00001.png: there is no image for it");
    for (const name of ["0000001-000000000000", "0000002-000000033369"]) await image(`scan/rgb/${name}.jpg`);
    for (const name of ["0000001-000000003000", "0000002-000000093369"])
      await depth(`scan/depth/${name}.png`);
    expect((await open("scan"))[0]!.pairs).toEqual([
      expect.objectContaining({ name: "0000001-000000000000", depth: "depth/0000001-000000003000.png" }),
    ]);
  });

  test("DIODE: masks apply, indoors and outdoors are two sets", async () => {
    const write = async (name: string, mask?: readonly number[]) => {
      await image(`diode/val/${name}.png`);
      await writeNpy(join(root, `diode/val/${name}_depth.npy`), {
        name: "",
        dtype: "float32",
        shape: [HEIGHT, WIDTH, 1],
        data: ramp().data as Float32Array<ArrayBuffer>,
      });
      if (mask)
        await writeNpy(join(root, `diode/val/${name}_depth_mask.npy`), {
          name: "",
          dtype: "float32",
          shape: [HEIGHT, WIDTH],
          data: Float32Array.from(mask),
        });
    };
    const mask = Array.from({ length: WIDTH * HEIGHT }, (_, i) => Number(i !== 3));
    await write("indoors/scene_00019/scan_00183/00019_00183_indoors_000_010", mask);
    await write("outdoor/scene_00022/scan_00193/00022_00193_outdoors_010_030", mask);
    await write("outdoor/scene_00022/scan_00193/00022_00193_outdoors_020_000");
    const [inside, outside] = await open("diode");
    expect(inside).toMatchObject({ name: "diode indoors", protocol: { min: 0.6, cap: 10 } });
    expect(outside).toMatchObject({ name: "diode outdoors", protocol: { min: 0.6, cap: 350 } });
    const { target, valid } = await inside!.read(0);
    expect([...target.data.slice(0, 5)]).toEqual([0, 1, 2, 0, 4]);
    expect([...valid.slice(0, 5)]).toEqual([0, 1, 1, 0, 1]);
    await expect(outside!.read(1)).rejects.toThrow("the mask of a depth map is missing");
  });

  test("Middlebury: depth from disparity by the calibration, disparity without", async () => {
    const disparity = ramp();
    disparity.data[1] = Number.POSITIVE_INFINITY;
    await image("stereo/Chair/im0.png");
    await text("stereo/Chair/disp0.pfm", encodePfm(disparity));
    await text(
      "stereo/Chair/calib.txt",
      "cam0=[4000 0 1176; 0 4000 1011; 0 0 1]\ncam1=[4000 0 1307; 0 4000 1011; 0 0 1]\ndoffs=10\nbaseline=200\n",
    );
    await image("stereo/Wood/view1.png");
    await depth("stereo/Wood/disp1.png", 1);
    await text("stereo/Wood/dmin.txt", "200\n");
    await image("stereo/Lamp/view1.png");
    await depth("stereo/Lamp/disp1.png", 1);
    await text("stereo/Bad/disp0.pfm", encodePfm(disparity));
    const [metric, relative] = await open("stereo");
    expect(metric!.pairs.map(({ name }) => name)).toEqual(["Bad", "Chair", "Wood"]);
    await expect(metric!.read(0)).rejects.toThrow("Bad/disp0.pfm: there is no im0.png beside it");
    const chair = await metric!.read(1);
    expect(chair.kind).toBe("depth");
    expect([...chair.target.data.slice(0, 3)]).toEqual([0, 0, expect.closeTo((0.2 * 4000) / 12, 4)]);
    expect((await metric!.read(2)).target.data[5]).toBeCloseTo((0.16 * 3740) / 205, 5);
    expect(relative!.pairs).toHaveLength(1);
    expect(await relative!.read(0)).toMatchObject({ kind: "disparity" });
    await text("stereo/Chair/calib.txt", "cam0=[4000 0 1176; 0 4000 1011; 0 0 1]\nbaseline=200\n");
    await expect((await open("stereo"))[0]!.read(1)).rejects.toThrow("calib.txt: no number for doffs");
  });

  test("NYU: pairs of two namings, by split; 8 bits are refused", async () => {
    await image("nyu/test/bath/rgb_00045.jpg");
    await depth("nyu/test/bath/sync_depth_00045.png");
    await image("nyu/train/bath/rgb_00046.jpg");
    await depth(
      "nyu/train/bath/sync_depth_00046.png",
      undefined,
      new Planes(
        1,
        HEIGHT,
        WIDTH,
        ramp().data.map((v) => v / 1000),
      ),
    );
    const [set] = await open("nyu");
    expect(set).toMatchObject({ name: "nyu", protocol: { cap: 10, crop: "eigen-nyu" } });
    expect(set!.pairs.map(({ name }) => name)).toEqual(["test/bath/00045", "train/bath/00046"]);
    expect((await set!.read(0)).target.data[9]).toBe(9);
    await expect(set!.read(1)).rejects.toThrow("sync_depth_00046.png: expected 16 bits in millimetres");
    expect((await open("nyu", { split: "test" }))[0]!.pairs).toHaveLength(1);
    await image("dense/nyu2_test/00000_colors.png");
    await depth("dense/nyu2_test/00000_depth.png");
    expect((await open("dense", { split: "test" }))[0]!.pairs).toEqual([
      expect.objectContaining({ name: "nyu2_test/00000" }),
    ]);
    await expect(open("dense", { split: "train" })).rejects.toThrow("no pairs in folders named train");
  });

  test("NYU's labelled file: axes are turned, splits.mat chooses", async () => {
    const path = "labelled/nyu_depth_v2_labeled.mat";
    const hdf5 = await import("h5wasm/node");
    await hdf5.ready;
    await mkdir(join(root, "labelled"));
    const bare = join(root, "labelled/bare.h5");
    const file = new hdf5.File(bare, "w");
    const count = 3;
    // images [N, 3, W, H], depths [N, W, H]
    const at = (n: number, x: number, y: number) => 100 * n + 10 * x + y;
    const depths: number[] = [];
    const images: number[] = [];
    for (let n = 0; n < count; n++) {
      for (let x = 0; x < WIDTH; x++) for (let y = 0; y < HEIGHT; y++) depths.push(at(n, x, y) / 50);
      for (let c = 0; c < 3; c++)
        for (let x = 0; x < WIDTH; x++)
          for (let y = 0; y < HEIGHT; y++) images.push((at(n, x, y) + 50 * c) % 256);
    }
    file.create_dataset({
      name: "images",
      data: Uint8Array.from(images),
      shape: [count, 3, WIDTH, HEIGHT],
      chunks: [1, 3, WIDTH, HEIGHT],
      compression: 4,
    });
    file.create_dataset({ name: "depths", data: Float32Array.from(depths), shape: [count, WIDTH, HEIGHT] });
    file.close();
    // MATLAB writes 512 bytes of its own in front.
    const { readFile } = await import("node:fs/promises");
    const own = Buffer.alloc(512);
    own.write("MATLAB 7.3 MAT-file, Platform: GLNXA64");
    await text(path, Buffer.concat([own, await readFile(bare)]));
    await rm(bare);

    const [all] = await open("labelled");
    expect(all!.pairs.map(({ name }) => name)).toEqual(["0001", "0002", "0003"]);
    const { image: seen, target } = await all!.read(2);
    expect([seen.width, seen.height, ...target.shape]).toEqual([WIDTH, HEIGHT, 1, HEIGHT, WIDTH]);
    expect(target.data[2 * WIDTH + 5]).toBeCloseTo(at(2, 5, 2) / 50, 5);
    expect([...seen.data.slice(3 * (2 * WIDTH + 5)).slice(0, 3)]).toEqual([
      252,
      (252 + 50) % 256,
      (252 + 100) % 256,
    ]);
    await expect(open("labelled", { split: "test" })).rejects.toThrow("no splits.mat");
    await text("labelled/splits.mat", mat5({ testNdxs: [1, 3], trainNdxs: [2] }));
    expect((await open("labelled"))[0]!.pairs.map(({ name }) => name)).toEqual(["0001", "0003"]);
    expect((await open("labelled", { split: "train" }))[0]!.pairs.map(({ name }) => name)).toEqual(["0002"]);
    await text("labelled/splits.mat", mat5({ testNdxs: [4] }));
    await expect(open("labelled")).rejects.toThrow("testNdxs: expected numbers from 1 to 3, got 4");
    await text("old/nyu_depth_v2_labeled.mat", mat5({}));
    await expect(open("old")).rejects.toThrow("saved in MATLAB's format 5: save it with -v7.3");
  });

  test("plain folders: one broken pair leaves the others unharmed", async () => {
    for (const name of ["a", "b", "c", "alone"]) await image(`plain/rgb/${name}.png`);
    await depth("plain/depth/a.png");
    await depth("plain/depth/b.png", undefined, new Planes(1, 2, 2, Float32Array.of(1, 2, 3, 4)));
    await text(
      "plain/depth/c.pfm",
      encodePfm(new Planes(1, HEIGHT, WIDTH, new Float32Array(WIDTH * HEIGHT).fill(Number.NaN))),
    );
    await depth("plain/depth/deaf.png");
    await expect(open("plain")).rejects.toThrow(
      /plain: nothing says what the numbers of its depth maps mean/,
    );
    await text("plain/set.json", `{"units": "metres = value / 1000"}`);
    const [set] = await open("plain");
    expect(set!.pairs.map(({ name }) => name)).toEqual(["a", "alone", "b", "c", "deaf"]);
    expect((await set!.read(0)).target.data[4]).toBe(4);
    expect(await reason("plain", "alone")).toBe(
      "/plain/rgb/alone.png: no depth map named alone in /plain/depth",
    );
    expect(await reason("plain", "b")).toBe(
      "/plain/depth/b.png: expected 6 x 4 pixels like /plain/rgb/b.png, got 2 x 2",
    );
    expect(await reason("plain", "c")).toBe("/plain/depth/c.pfm: no pixel has a measurement");
    expect(await reason("plain", "deaf")).toBe("/plain/depth/deaf.png: no image named deaf in /plain/rgb");
  });
});

describe("folders of sets", () => {
  test("each folder is a set of its own; those that cannot be opened are named", async () => {
    const { sets, refused } = await openDepthSets(root);
    expect(sets.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["kitti", "diode indoors", "scene", "scan", "middlebury", "plain"]),
    );
    expect(sets.filter(({ layout }) => layout.startsWith("nyu")).map(({ name }) => name)).toEqual([
      "nyu (dense)",
      "nyu",
    ]);
    expect(refused.map(({ folder }) => folder.slice(root.length + 1))).toEqual(["labelled", "old", "room"]);
  });

  test("a folder without any names the layouts that are known", async () => {
    await text("nothing/notes.txt", "");
    await expect(open("nothing")).rejects.toThrow(
      /nothing: no data set of a known layout in it. Known layouts:\n/,
    );
    for (const { name } of LAYOUTS) await expect(open("nothing")).rejects.toThrow(`\n  ${name} `);
    await expect(open("nowhere")).rejects.toThrow("nowhere: no such file or folder");
  });
});

test("times are associated closest first, each once", () => {
  const at = (...times: number[]) => times.map((time) => ({ time, file: String(time) }));
  const pairs = associate(at(1, 1.01, 2), at(1.008, 0.985, 5));
  expect(pairs.map(({ image, depth }) => [image.time, depth.time])).toEqual([
    [1, 0.985],
    [1.01, 1.008],
  ]);
});

/** A file of MATLAB's format 5 with column vectors: the first compressed, the second not. */
function mat5(arrays: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const header = Buffer.alloc(128);
  header.write("MATLAB 5.0 MAT-file");
  header.writeUInt16LE(0x0100, 124);
  header.write("IM", 126, "latin1");
  const element = (type: number, data: Buffer) => {
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(type, 0);
    tag.writeUInt32LE(data.length, 4);
    return Buffer.concat([tag, data, Buffer.alloc(type === 15 ? 0 : (8 - (data.length % 8)) % 8)]);
  };
  const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
  const matrices = Object.entries(arrays).map(([name, values], i) => {
    // Doubles that are whole are stored in fewer bytes.
    const matrix = element(
      14,
      Buffer.concat([
        element(6, words(6, 0)),
        element(5, words(values.length, 1)),
        element(1, Buffer.from(name)),
        element(4, Buffer.from(Uint16Array.from(values).buffer)),
      ]),
    );
    return i === 0 ? element(15, deflateSync(matrix)) : matrix;
  });
  return Buffer.concat([header, ...matrices]);
}
