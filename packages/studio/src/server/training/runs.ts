/** Training on request: one recipe at a time, in a process of its own. */
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

/** A network that was trained here. */
export interface Trained {
  readonly record: CheckpointRecord;
  readonly folder: string;
}

interface Running {
  readonly run: Run;
  readonly child: ChildProcess;
  /** Resolves with why, for a run that has not told its end. */
  readonly exited: Promise<string>;
}

/** Milliseconds that a run has to end by itself once it is told to stop. */
const GRACE = 10_000;

const script = scriptUrl("server/training/child");

export class Runs {
  readonly #runs = new Map<string, Run>();
  /** By name, the newest last. */
  readonly #trained = new Map<string, Trained>();
  #running: Running | undefined;
  /** Networks of runs live as long as the server. */
  #root: string | undefined;
  #closed = false;

  /** The run that is going on. */
  get current(): string | undefined {
    return this.#running?.run.history.ended ? undefined : this.#running?.run.id;
  }

  /** @throws ApiError `busy` where one is going on already */
  async start(recipe: Recipe, budget: Pick<Order, "epochs" | "samples">): Promise<string> {
    if (this.#closed) throw new ApiError("overloaded", "the server is closing");
    // One that has told its end is a moment from being gone.
    while (this.#running?.run.history.ended) await this.#running.exited;
    if (this.#running)
      throw new ApiError(
        "busy",
        `run ${this.current} of ${this.#running.run.recipe.name} is going on; stop it, or wait for its end`,
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
    child.on("message", (event: TrainEvent) => this.#hear(run, event));
    void exited.then((why) => {
      // Of a run that has told its end this is not told.
      run.history.add({ type: "error", message: why });
      if (this.#running === running) this.#running = undefined;
    });
    child.send({ id, recipe: recipe.name, folder: run.folder, ...budget } satisfies Order);
    return id;
  }

  #hear({ folder, history }: Run, event: TrainEvent): void {
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
    throw new ApiError("not-found", `no run is called ${JSON.stringify(id)} since this server started`, "id");
  }

  /** The newest first. */
  list(): RunsAnswer["runs"] {
    return [...this.#runs.values()].toReversed().map(({ id, recipe, history }) => ({
      id,
      recipe: recipe.name,
      state: stateOf(history),
    }));
  }

  /** The networks that were trained, by the names under which they classify, the newest last. */
  get trained(): ReadonlyMap<string, Trained> {
    return this.#trained;
  }

  /** Ends a run where it stands; one that has ended stays as it is. */
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
