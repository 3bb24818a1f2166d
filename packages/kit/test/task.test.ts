import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { defineTask, KitError, Networks, Shelf } from "../src/index.ts";
import { Doubler, toyTask } from "./support/toys.ts";

describe("defineTask", () => {
  const definition = {
    name: "fit-line",
    title: "Lines",
    summary: "Fit lines.",
    accepts: [],
    catalogue: async () => ({ networks: new Networks(), records: [], data: [] }),
    schemas: async () => ({ request: z.strictObject({}), answer: z.object({}) }),
    load: async () => ({ open: async () => new Doubler(), defaultCheckpoint: async () => "line.double" }),
  } as const;

  it("has the name as command, and neither metrics nor errors, unless it says so", () => {
    expect(defineTask(definition)).toMatchObject({ command: "fit-line", metrics: {}, errors: {} });
    const metrics = { error: { label: "error", better: "less" } } as const;
    const more = defineTask({ ...definition, command: "fit", metrics, errors: { steep: "unsuitable" } });
    expect(more).toMatchObject({
      name: "fit-line",
      command: "fit",
      metrics,
      errors: { steep: "unsuitable" },
    });
  });

  it.each(["", "Fit", "fit line", "-fit", "fit_line", "7th"])(
    "refuses %j as a name and as a command",
    (word) => {
      const message = `task ${JSON.stringify(word)}: expected lower-case words with hyphens`;
      expect(() => defineTask({ ...definition, name: word })).toThrow(message);
      expect(() => defineTask({ ...definition, command: word })).toThrow(message);
    },
  );

  it("loads each half once, and not before it is asked for", async () => {
    const halves = {
      catalogue: vi.fn(definition.catalogue),
      schemas: vi.fn(definition.schemas),
      load: vi.fn(definition.load),
      workshop: vi.fn(async () => ({ recipes: [] })),
    };
    const task = defineTask({ ...definition, ...halves });
    for (const half of Object.values(halves)) expect(half).not.toHaveBeenCalled();
    for (const name of ["catalogue", "schemas", "load", "workshop"] as const) {
      const [first, again] = await Promise.all([task[name]?.(), task[name]?.()]);
      expect(again).toBe(first);
      expect(await task[name]?.()).toBe(first);
      expect(halves[name]).toHaveBeenCalledTimes(1);
    }
    expect(defineTask(definition).workshop).toBeUndefined();
  });
});

describe("KitError", () => {
  it("has a code to branch on and the option at fault", () => {
    const cause = new Error("because");
    const error = new KitError("bad-option", "top: expected 1 or more, got 0", { field: "top", cause });
    expect(error).toMatchObject({ name: "KitError", code: "bad-option", field: "top", cause });
    expect(new KitError("no-part", "no part").field).toBeUndefined();
  });
});

describe("Shelf", () => {
  /** A task whose checkpoints are made as they are opened. */
  function opening(open = async (name: string | undefined) => new Doubler(name)) {
    const spy = vi.fn(open);
    const load = async () => ({ open: spy, defaultCheckpoint: async () => "line.a" });
    return { spy, task: toyTask({ load: load as never }) };
  }

  it("opens a checkpoint once", async () => {
    const { spy, task } = opening();
    const shelf = new Shelf();
    const [first, second] = await Promise.all([shelf.open(task, "line.a"), shelf.open(task, "line.a")]);
    expect(second).toBe(first);
    expect(await shelf.open(task, "line.a")).toBe(first);
    expect(await shelf.open(task, "line.b")).not.toBe(first);
    expect(spy).toHaveBeenCalledTimes(2);
  });

  it("frees the one that was not used for longest", async () => {
    const { spy, task } = opening();
    const shelf = new Shelf();
    const names = ["a", "b", "c", "d", "e", "f"].map((tag) => `line.${tag}`);
    const opened = [];
    for (const name of names) opened.push((await shelf.open(task, name)) as unknown as Doubler);
    await shelf.open(task, "line.a");
    await shelf.open(task, "line.g");
    expect(opened.map(({ released }) => released)).toEqual([0, 1, 0, 0, 0, 0]);
    await shelf.open(task, "line.a");
    expect(spy).toHaveBeenCalledTimes(7);
    await shelf.open(task, "line.b");
    expect(spy).toHaveBeenCalledTimes(8);
  });

  it("tries again after a failure", async () => {
    let count = 0;
    const { task } = opening(async (name) => {
      if (count++ === 0) throw new Error("the disk was gone");
      return new Doubler(name);
    });
    const shelf = new Shelf();
    await expect(shelf.open(task, "line.a")).rejects.toThrow("the disk was gone");
    expect((await shelf.open(task, "line.a")).record.name).toBe("line.a");
  });

  it("keeps the checkpoints of tasks apart, and one that was trained here for good", async () => {
    const { spy, task } = opening();
    const other = { ...task, name: "fit-curve" };
    const shelf = new Shelf();
    const trained = new Doubler("line.run");
    shelf.keep(task, trained);
    expect(await shelf.open(task, "line.run")).toBe(trained);
    expect(spy).not.toHaveBeenCalled();
    expect(await shelf.open(other, "line.run")).not.toBe(trained);
    for (const tag of "abcdefgh") await shelf.open(task, `line.${tag}`);
    expect(await shelf.open(task, "line.run")).toBe(trained);
    expect(trained.released).toBe(0);
  });
});
