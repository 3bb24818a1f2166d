import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Job } from "./serve.ts";

/** Runs a program from start to exit. The value only says that it printed something. */
export function answering(program: string, parameters: readonly string[]): Job {
  let answer = "";
  return {
    async run() {
      ({ stdout: answer } = await promisify(execFile)(program, [...parameters]));
      if (answer.trim() === "") throw new Error(`${program} ${parameters.join(" ")}: no answer`);
    },
    value: () => [1],
  };
}
