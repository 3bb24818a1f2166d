/** Help, version, and messages for wrong usage. */
import { expect, test } from "vitest";
import { tessera } from "./run.ts";

const COMMANDS = [
  "classify",
  "depth",
  "serve",
  "models",
  "pull",
  "inspect",
  "train",
  "eval",
  "study",
  "data",
  "export",
];

test("--help lists every command, and each command's help has examples", async () => {
  const { out, code } = await tessera(["--help"]);
  expect(code).toBe(0);
  for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^ {2}${command} `, "m"));
  expect(out).toContain("Exit codes:  0 success, 1 failure, 2 wrong usage");
  const helps = await Promise.all(
    [...COMMANDS.filter((command) => command !== "data"), "data get", "data list"].map(
      async (command) => [command, await tessera([...command.split(" "), "--help"])] as const,
    ),
  );
  for (const [command, help] of helps) {
    expect(help.code, command).toBe(0);
    expect(help.err, command).toBe("");
    expect(help.out, command).toContain(`Examples:\n  tessera ${command}`);
  }
});

test("--version prints the package's version", async () => {
  const { default: manifest } = await import("../package.json", { with: { type: "json" } });
  expect(await tessera(["--version"])).toEqual({ out: `${manifest.version}\n`, err: "", code: 0 });
});

test.for([
  ["", "Usage: tessera"],
  ["clasify a.png", "unknown command 'clasify'\n(Did you mean classify?)"],
  ["classify", "missing required argument 'inputs'"],
  ["classify a.png --tpo 3", "unknown option '--tpo'\n(Did you mean --top?)"],
  ["classify a.png --top 0", "Expected a whole number from 1 to 1001."],
  ["classify a.png --model a --model b --network c", "--network needs exactly one --model"],
  ["pull resnet19", 'no checkpoint is called "resnet19". Did you mean resnet'],
  ["models resnt50", 'no network or checkpoint is called "resnt50". Did you mean resnet50'],
  ["models --family resnets", "no family"],
  ["inspect vgg61", 'no network or checkpoint is called "vgg61". Did you mean vgg1'],
  ["data get minst", 'no data set is called "minst". Did you mean mnist'],
  ["data get mnist --split validation", "mnist has no split validation; expected train or test"],
  ["train lenet", 'no recipe is called "lenet". Did you mean lenet5'],
  ["train lenet5 --ship --epochs 1", "--ship needs a full run"],
  ["train lenet5 --epochs many", "Expected a whole number of at least 1."],
  ["study relutanh", 'no study is called "relutanh". Did you mean relu-tanh'],
  ["study --all dropout", "--all runs every study"],
  ["study dropout --scale 2", "--scale: expected a number above 0 and at most 1, got 2"],
  ["eval lenet7", 'no network or checkpoint is called "lenet7". Did you mean lenet5'],
  ["export lenet5", "choose a format: only --onnx"],
  ["serve --port 70000", "Expected a whole number from 0 to 65535."],
] as const)("tessera %s", async ([line, message]) => {
  const { out, err, code } = await tessera(line.split(" ").filter(Boolean));
  expect(err).toContain(message);
  expect(out).toBe("");
  expect(code).toBe(2);
});
