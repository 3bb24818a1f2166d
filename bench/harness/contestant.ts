import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Answer, Request } from "./serve.ts";

export interface Entrant {
  readonly name: string;
  /** Program and arguments that speak the protocol of `serve.ts`. */
  readonly command: readonly [string, ...string[]];
}

/**
 * A contestant in a separate process. Between requests the process is stopped, so that neither spinning pool
 * threads nor a garbage collector run while another contestant is measured.
 */
export class Contestant {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = "";

  constructor({ name, command: [program, ...parameters] }: Entrant) {
    this.name = name;
    this.#process = spawn(program, parameters, { stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    this.#process.on("error", (error) => {
      this.#stderr += error.message;
    });
    this.#process.stdin!.on("error", () => {}); // a missing answer reports it
  }

  /** @throws Error with the contestant's own reason, or if it does not answer within `seconds`. */
  async ask<K extends "about" | "ready" | "ms" | "value">(
    request: Request,
    key: K,
    seconds: number,
  ): Promise<Extract<Answer, Record<K, unknown>>[K]> {
    this.#signal("SIGCONT");
    this.#process.stdin!.write(`${JSON.stringify(request)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${seconds} s`)), seconds * 1000);
    });
    try {
      const line = await Promise.race([this.#lines.next(), late]);
      if (line.done) throw new Error(`the process exited: ${this.#lastWords()}`);
      const answer = JSON.parse(line.value) as Answer;
      if ("error" in answer) throw new Error(answer.error);
      if (!(key in answer)) throw new Error(`answered without "${key}": ${line.value}`);
      return (answer as Extract<Answer, Record<K, unknown>>)[key];
    } finally {
      clearTimeout(timer);
      this.#signal("SIGSTOP");
    }
  }

  #signal(signal: "SIGCONT" | "SIGSTOP"): void {
    if (process.platform !== "win32") this.#process.kill(signal); // Windows has no such signals
  }

  #lastWords(): string {
    const lines = this.#stderr.trim().split("\n");
    return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)!;
  }

  /** Peak resident memory so far in MB (Linux only). */
  peakMemory(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, "utf8");
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) / 1024;
    } catch {
      return undefined;
    }
  }

  end(): void {
    this.#process.kill("SIGKILL");
  }
}
