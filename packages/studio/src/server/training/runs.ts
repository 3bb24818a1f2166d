/** Training runs: one at a time, in a child process. */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckpointRecord, readRecord } from "@tessera-ml/hub";
import type { Recipe } from "@tessera-ml/kit/training";
import { ApiError, type RunsAnswer, type TrainEvent } from "../../api/index.ts";
import { scriptUrl } from "../beside.ts";
import type { Order } from "./child.ts";
import { History } from "./history.ts";

export interface Run {
  readonly id: string;
  readonly recipe: Recipe;
  readonly history: History;
  readonly folder: string;
}

/** A network trained by this server. */
export interface Trained {
  readonly record: CheckpointRecord;
  readonly folder: string;
}

interface Running {
  readonly run: Run;
  readonly child: ChildProcess;
  /** Resolves when the process has exited, with the reason to report if the run had not ended. */
  readonly exited: Promise<string>;
}

/** Milliseconds between asking a run to stop and killing it. */
const GRACE = 10_000;

const script = scriptUrl("server/training/child");

export class Runs {
  readonly #runs = new Map<string, Run>();
  /** By name, newest last. */
  readonly #trained = new Map<string, Trained>();
  #running: Running | undefined;
  /** Temporary: trained networks live as long as the server. */
  #root: string | undefined;
  #closed = false;

  /** The id of the run in progress. */
  get current(): string | undefined {
    return this.#running?.run.history.ended ? undefined : this.#running?.run.id;
  }

  /** @throws ApiError `busy` if a run is in progress */
  async start(recipe: Recipe, budget: Pick<Order, "epochs" | "samples">): Promise<string> {
    if (this.#closed) throw new ApiError("overloaded", "the server is closing");
    // A run that has sent its last event exits in a moment.
    while (this.#running?.run.history.ended) await this.#running.exited;
    if (this.#running)
      throw new ApiError(
        "busy",
        `run ${this.current} of ${this.#running.run.recipe.name} is in progress; stop it, or wait for it to end`,
      );
    const id = randomBytes(4).toString("hex");
    this.#root ??= mkdtempSync(join(tmpdir(), "tessera-studio-"));
    const run: Run = { id, recipe, history: new History(), folder: join(this.#root, id) };
    const child = fork(script, { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const exited = new Promise<string>((resolve) => {
      child.once("close", (code, signal) =>
        resolve(`the run's process ended early (${signal ?? `code ${code}`})`),
      );
      child.on("error", (error) => resolve(error.message));
    });
    const running = { run, child, exited };
    this.#running = running;
    this.#runs.set(id, run);
    child.on("message", (event: TrainEvent) => this.#receive(run, event));
    void exited.then((why) => {
      // Ignored if the run has ended.
      run.history.add({ type: "error", message: why });
      if (this.#running === running) this.#running = undefined;
    });
    child.send({ id, recipe: recipe.name, folder: run.folder, ...budget } satisfies Order);
    return id;
  }

  #receive({ folder, history }: Run, event: TrainEvent): void {
    try {
      if (event.type === "done" && event.model) {
        const record = readRecord(join(folder, "record.json"));
        this.#trained.set(record.name, { record, folder });
      }
      history.add(event);
    } catch (error) {
      history.add({ type: "error", message: (error as Error).message });
    }
  }

  /** @throws ApiError `not-found` */
  find(id: string): Run {
    const run = this.#runs.get(id);
    if (run) return run;
    throw new ApiError("not-found", `no run ${JSON.stringify(id)} since this server started`, "id");
  }

  /** Newest first. */
  list(): RunsAnswer["runs"] {
    return [...this.#runs.values()].toReversed().map(({ id, recipe, history }) => ({
      id,
      recipe: recipe.name,
      state: stateOf(history),
    }));
  }

  /** Trained networks by checkpoint name, newest last. */
  get trained(): ReadonlyMap<string, Trained> {
    return this.#trained;
  }

  /** Stops a run; does nothing if it has ended. */
  async stop(id: string): Promise<void> {
    this.find(id);
    if (this.#running?.run.id === id) await this.#end(this.#running);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running) {
      this.#running.child.kill("SIGKILL");
      await this.#running.exited;
    }
    if (this.#root) await rm(this.#root, { recursive: true, force: true });
  }

  async #end({ child, exited, run }: Running): Promise<void> {
    const late = setTimeout(() => {
      run.history.add({ type: "done", stopped: true });
      child.kill("SIGKILL");
    }, GRACE);
    if (child.connected) child.send("stop");
    await exited;
    clearTimeout(late);
  }
}

function stateOf({ last, ended }: History): RunsAnswer["runs"][number]["state"] {
  if (!ended) return "running";
  if (last?.event.type === "done") return last.event.stopped ? "stopped" : "done";
  return "failed";
}
