/** Cases `evaluate/…`: J and F as SA-V's evaluation computes them. */
import { type Case, type Check, type Json, sharedFile, together } from "@tessera-ml/kit/golden";
import { readImage } from "@tessera-ml/media";
import { type Checked, number, numbers, record } from "@tessera-ml/nn/golden";
import { boundaryMap, disk } from "../evaluate/boundary.ts";
import { evaluateVideo, type Labels, VideoScores } from "../evaluate/video-scores.ts";
import { checkNumbers, same } from "./case.ts";
import { drawMask, drawShapes, rowsOf } from "./shapes.ts";

const TOLERANCE = 1e-6;

export const check: Check = async (golden) => {
  const kind = golden.name.slice("evaluate/".length);
  const checks = {
    disk: checkDisks,
    "boundary-map": checkBoundaries,
    frames: checkFrames,
    "late-object": checkLate,
    davis: checkDavis,
  }[kind];
  if (!checks) throw new Error(`no runner yet for cases like ${golden.name}`);
  return together(await checks(golden));
};

function casesOf({ name, golden }: Case): Json[] {
  if (!Array.isArray(golden.cases)) throw new TypeError(`${name}.cases: expected a list`);
  return golden.cases.map((json: unknown, i) => record(json, `${name}.cases[${i}]`));
}

function checkDisks(golden: Case): Checked[] {
  return casesOf(golden).map((json) => {
    const radius = number(json, "radius", golden.name);
    const spans = disk(radius);
    const rows = spans.map(
      (reach) => "0".repeat(radius - reach) + "1".repeat(2 * reach + 1) + "0".repeat(radius - reach),
    );
    const count = spans.reduce((sum, reach) => sum + 2 * reach + 1, 0);
    return together([
      same(`disk ${radius}.rows`, rows, json.rows),
      same(`disk ${radius}.count`, count, json.count),
    ]);
  });
}

function checkBoundaries(golden: Case): Checked[] {
  return casesOf(golden).map((json) => {
    const name = String(json.name);
    return same(name, rowsOf(boundaryMap(drawMask(record(json.mask, name), name))), json.rows);
  });
}

function checkFrames(golden: Case): Checked[] {
  const size = sizeOf(golden);
  return casesOf(golden).map((json) => {
    const name = String(json.name);
    const frame = new VideoScores().add(
      drawShapes(size, json.truth, `${name}.truth`),
      drawShapes(size, json.prediction, `${name}.prediction`),
    );
    const wanted = record(json.scores, `${name}.scores`);
    return together([
      same(`${name}: objects`, [...frame.keys()].map(String), Object.keys(wanted)),
      ...Object.entries(wanted).map(([object, scores]) => {
        const { J, F } = record(scores, `${name}.scores.${object}`);
        const got = frame.get(Number(object));
        return checkNumbers(
          `${name}: ${object}`,
          [got?.J ?? Number.NaN, got?.F ?? Number.NaN],
          [J, F],
          TOLERANCE,
        );
      }),
    ]);
  });
}

function checkLate(golden: Case): Checked[] {
  const size = sizeOf(golden);
  const frames = (golden.golden.frames as unknown[]).map((json, i) => {
    const { truth, prediction } = record(json, `${golden.name}.frames[${i}]`);
    return {
      truth: drawShapes(size, truth, "truth"),
      prediction: drawShapes(size, prediction, "prediction"),
    };
  });
  const score = evaluateVideo(frames, { skipEnds: false });
  return (["J", "F"] as const).flatMap((what) => {
    const wanted = record(golden.golden[what], `${golden.name}.${what}`);
    return [
      same(`${what}: objects`, Object.keys(score[what]), Object.keys(wanted)),
      checkNumbers(what, Object.values(score[what]), Object.values(wanted), 100 * TOLERANCE),
    ];
  });
}

/** The masks of a folder, moved, against themselves. */
async function checkDavis(golden: Case): Promise<Checked[]> {
  const { name, path } = golden;
  const files = numbers(golden.golden.frames, `${name}.frames`).map(
    (frame) => `${String(golden.golden.folder)}/${String(frame).padStart(5, "0")}.png`,
  );
  const truths: Labels[] = [];
  for (const file of files) {
    const { width, height, data } = await readImage(await sharedFile(file, path), { mode: "L" });
    truths.push({ width, height, data: data.map((value) => (value > 0 ? 1 : 0)) });
  }
  return casesOf(golden).flatMap((json) => {
    const [dx, dy] = [number(json, "dx", name), number(json, "dy", name)];
    const frames = truths.map((truth) => ({ truth, prediction: moved(truth, dx, dy) }));
    const scores = new VideoScores();
    const perFrame = frames.map(({ truth, prediction }) => scores.add(truth, prediction).get(1));
    const wanted = (json.perFrame as unknown[]).map((frame) => record(frame, `${name}.perFrame`));
    const ends = record(json.withEnds, `${name}.withEnds`);
    const [video, all] = [evaluateVideo(frames), scores.result()];
    const [J, F] = [video.J[1] as number, video.F[1] as number];
    const where = `moved by ${dx}, ${dy}`;
    return [
      checkNumbers(
        `${where}: J`,
        perFrame.map((frame) => frame?.J ?? Number.NaN),
        wanted.map((frame) => frame.J),
        TOLERANCE,
      ),
      checkNumbers(
        `${where}: F`,
        perFrame.map((frame) => frame?.F ?? Number.NaN),
        wanted.map((frame) => frame.F),
        TOLERANCE,
      ),
      checkNumbers(`${where}: video`, [J, F, (J + F) / 2], [json.J, json.F, json["J&F"]], 100 * TOLERANCE),
      checkNumbers(
        `${where}: with ends`,
        [all.J[1] as number, all.F[1] as number],
        [ends.J, ends.F],
        100 * TOLERANCE,
      ),
    ];
  });
}

function moved({ width, height, data }: Labels, dx: number, dy: number): Labels {
  const out = Uint8Array.from({ length: data.length }, (_, i) => {
    const [x, y] = [(i % width) - dx, Math.floor(i / width) - dy];
    return x >= 0 && x < width && y >= 0 && y < height ? (data[y * width + x] as number) : 0;
  });
  return { width, height, data: out };
}

function sizeOf({ name, golden }: Case): { width: number; height: number } {
  return { width: number(golden, "width", name), height: number(golden, "height", name) };
}
