/** Options of a command from a schema, and the schema's values from them. */
import { resolve } from "node:path";
import { flagOf } from "@tessera-ml/kit/options";
import { pathOption } from "@tessera-ml/kit/training";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { UsageError } from "../src/errors.ts";
import { addFlags, readFlags } from "../src/schema-flags.ts";

const schema = z.strictObject({
  top: z.int().min(1).max(10).default(5).meta({ description: "answers shown", short: "t" }),
  maxNewTokens: z.int().min(1).optional().meta({ description: "tokens at most" }),
  temperature: z.number().min(0).optional(),
  shift: z.number().max(2).optional(),
  seed: z.int().optional(),
  palette: z.enum(["viridis", "grey"]).default("viridis"),
  upper: z.boolean().default(false),
  classes: z.array(z.string()).optional(),
  prompt: z.string().min(3).optional(),
  folder: pathOption("folder").optional().meta({ description: "of images" }),
  sizes: z.array(z.int().min(1)).default([8, 16]),
  mirror: z.boolean().default(true).meta({ description: "keep images as they are" }),
});

function command(): Command {
  const made = new Command("ask").exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  addFlags(made, schema);
  return made;
}

const read = (...words: string[]) => {
  const made = command();
  made.parse(words, { from: "user" });
  return readFlags(schema, made.opts());
};

describe("flagOf", () => {
  it.each([
    ["top", "top"],
    ["maxNewTokens", "max-new-tokens"],
    ["topP", "top-p"],
  ])("%s is --%s", (name, flag) => expect(flagOf(name)).toBe(flag));
});

describe("addFlags", () => {
  it("explains each option: short form, value, description, choices and default", () => {
    const help = command().helpInformation().replaceAll(/ +/g, " ");
    for (const line of [
      " -t, --top <number> answers shown (default: 5)",
      " --max-new-tokens <number> tokens at most",
      " --temperature <number>",
      ' --palette <choice> (choices: "viridis", "grey", default: "viridis")',
      " --upper",
      " --classes <value>",
      " --prompt <text>",
      " --folder <folder> of images",
      " --sizes <value> (default: [8,16])",
      " --no-mirror keep images as they are",
    ])
      expect(help.split("\n").map((text) => text.trimEnd())).toContain(line);
  });
});

it("marks options that must be given", () => {
  const made = new Command("ask");
  addFlags(
    made,
    z.strictObject({ out: z.string().meta({ description: "for results" }), top: z.int().default(1) }),
  );
  const help = made.helpInformation().replaceAll(/ +/g, " ");
  expect(help).toContain(" --out <text> for results (required)\n");
  expect(help).not.toMatch(/--top.*required/);
});

describe("readFlags", () => {
  it("has the defaults, and nothing that was not given", () => {
    const usual = { top: 5, palette: "viridis", upper: false, sizes: [8, 16], mirror: true };
    expect(read()).toEqual(usual);
  });

  it("has what was given, as the schema types it", () => {
    const words = "-t 3 --max-new-tokens 20 --temperature 0.5 --palette grey --upper --prompt abc --seed -4";
    expect(read(...words.split(" "), "--classes", "cat", "--classes", "a dog")).toEqual({
      ...{
        top: 3,
        maxNewTokens: 20,
        temperature: 0.5,
        palette: "grey",
        upper: true,
        prompt: "abc",
        seed: -4,
      },
      ...{ classes: ["cat", "a dog"], sizes: [8, 16], mirror: true },
    });
  });

  it("replaces a default list, turns off what is on, and resolves paths", () => {
    expect(read("--sizes", "3", "--sizes", "5", "--no-mirror", "--folder", "photos")).toMatchObject({
      ...{ sizes: [3, 5], mirror: false, folder: resolve("photos") },
    });
  });

  it("leaves the command's own options to it", () => {
    expect(readFlags(schema, { top: 2, json: true, model: ["a"] })).toMatchObject({ top: 2 });
  });

  it.each([
    ["--top 0", "Expected a whole number from 1 to 10."],
    ["--top 11", "Expected a whole number from 1 to 10."],
    ["--top 2.5", "Expected a whole number from 1 to 10."],
    ["--top many", "Expected a whole number from 1 to 10."],
    ["--max-new-tokens 0", "Expected a whole number of at least 1."],
    ["--temperature -1", "Expected a number of at least 0."],
    ["--shift 3", "Expected a number of at most 2."],
    ["--seed 1.5", "Expected a whole number."],
    ["--sizes 3 --sizes x", "Expected a whole number of at least 1."],
    ["--palette red", "Allowed choices are viridis, grey."],
    ["--upper=yes", "unknown option"],
  ])("refuses %s", (line, message) => {
    expect(() => read(...line.split(" "))).toThrow(message);
  });

  it("names the option of which only the schema knows that it is wrong", () => {
    expect(() => read("--prompt", "ab")).toThrow(UsageError);
    expect(() => read("--prompt", "ab")).toThrow(/^--prompt: Too small: expected string to have >=3/);
    expect(() => readFlags(z.strictObject({ maxItems: z.int() }), {})).toThrow("--max-items: expected");
  });
});
