import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Meter, type Progress } from "../src/progress.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function meter(): { meter: Meter; reports: Progress[] } {
  const reports: Progress[] = [];
  return { meter: new Meter("a.bin", (report) => reports.push(report)), reports };
}

it("reports the rate and time left", () => {
  const { meter: m, reports } = meter();
  m.begin("downloading", 0, 1_000_000);
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(200);
    m.add(20_000);
  }
  expect(reports[0]).toEqual({
    phase: "downloading",
    file: "a.bin",
    received: 0,
    total: 1_000_000,
    bytesPerSecond: 0,
    secondsLeft: undefined,
  });
  expect(reports.at(-1)).toMatchObject({ received: 100_000, bytesPerSecond: 100_000, secondsLeft: 9 });
});

it("excludes the bytes of earlier attempts from the rate", () => {
  const { meter: m, reports } = meter();
  m.begin("downloading", 900_000, 1_000_000);
  vi.advanceTimersByTime(1_000);
  m.add(50_000);
  expect(reports.at(-1)).toMatchObject({ received: 950_000, bytesPerSecond: 50_000, secondsLeft: 1 });
});

it("averages the rate over the last five seconds", () => {
  const { meter: m, reports } = meter();
  m.begin("downloading", 0, 100_000_000);
  for (let i = 0; i < 100; i++) {
    vi.advanceTimersByTime(200);
    m.add(200);
  }
  expect(reports.at(-1)!.bytesPerSecond).toBeCloseTo(1_000);
  for (let i = 0; i < 30; i++) {
    vi.advanceTimersByTime(200);
    m.add(200_000);
  }
  expect(reports.at(-1)!.bytesPerSecond).toBeCloseTo(1_000_000);
});

it("reports at most ten times a second, but always at the end", () => {
  const { meter: m, reports } = meter();
  m.begin("verifying", 0, 1_000);
  for (let i = 0; i < 1_000; i++) {
    vi.advanceTimersByTime(1);
    m.add(1);
  }
  expect(reports.length).toBeLessThanOrEqual(11);
  m.end();
  expect(reports.at(-1)).toMatchObject({ phase: "verifying", received: 1_000, secondsLeft: 0 });
});

it("works without a total", () => {
  const { meter: m, reports } = meter();
  m.begin("downloading", 0);
  vi.advanceTimersByTime(500);
  m.add(1_000);
  expect(reports.at(-1)).toMatchObject({ received: 1_000, total: undefined, secondsLeft: undefined });
});

it("is complete if everything was there before", () => {
  const { meter: m, reports } = meter();
  m.begin("downloading", 1_000, 1_000);
  m.end();
  expect(reports.at(-1)).toMatchObject({ bytesPerSecond: 0, secondsLeft: 0 });
});
