/** A view for any task: input, options, checkpoints, and the answers as their schema describes them. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ModelInfo, TaskProgress, TaskResult } from "../../api/index.ts";
import { messageOf } from "../engine/message.ts";
import { nounOf } from "../media/media.ts";
import { present } from "../media/present.ts";
import { SAMPLES } from "../media/samples.tsx";
import { Stage } from "../media/stage.tsx";
import { PlayIcon, StopIcon } from "../parts/icons.tsx";
import { ModelCard } from "../parts/model-card.tsx";
import { Mosaic } from "../parts/mosaic.tsx";
import { Notice } from "../parts/notice.tsx";
import { ProgressBar } from "../parts/progress.tsx";
import { engine, ready } from "../state.ts";
import type { SystemProps } from "../systems.ts";
import { Fields } from "./answer-view.tsx";
import { Options } from "./form.tsx";
import { defaultsOf, type Values } from "./schema.ts";
import "./generic.css";

/** The request in progress, and the last outcome. */
interface Work {
  readonly stop?: AbortController;
  readonly progress?: TaskProgress;
  readonly results?: readonly TaskResult[];
  readonly failure?: string;
}

const PHOTOGRAPHS = SAMPLES.filter(({ kind }) => kind === "photo");

export default function GenericView({ task, path }: SystemProps) {
  const options = useSignal<Values>(defaultsOf(task.request));
  const picked = useSignal<readonly string[] | undefined>(
    path[0] === "inside" && path[1] ? [path[1]] : undefined,
  );
  const work = useSignal<Work>({});
  const available = useComputed(() => ready.value.filter((model) => model.task === task.checkpoints));
  const chosen = useComputed(() => {
    const names = available.value.map(({ name }) => name);
    return picked.value?.filter((name) => names.includes(name)) ?? names.slice(0, 1);
  });
  const input = present.value && task.accepts.includes(present.value.medium) ? present.value : undefined;
  const { stop, progress, results, failure } = work.value;
  useEffect(() => () => work.peek().stop?.abort(), []);

  const run = async () => {
    if (!engine.value || !input) return;
    const controller = new AbortController();
    const { signal } = controller;
    const report = (next: Work) => {
      if (!signal.aborted) work.value = next;
    };
    const before = { stop: controller, ...(results && { results }) };
    report(before);
    await engine.value
      .ask(task, input.blob, options.value, {
        models: chosen.value,
        signal,
        progress: (now) => report({ ...before, progress: now }),
      })
      .then(
        (found) => report({ results: found }),
        (error: unknown) => report({ failure: messageOf(error) }),
      );
  };
  const cancel = () => {
    stop?.abort();
    work.value = results ? { results } : {};
  };

  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>{task.title}</h1>
          <p class="quiet">{task.summary}</p>
        </div>
      </div>
      <div class="generic">
        <Stage accepts={task.accepts} samples={task.accepts.includes("image") ? PHOTOGRAPHS : []} />
        <div class="generic-right">
          <form
            class="slab options"
            onSubmit={(event) => {
              event.preventDefault();
              void run();
            }}
          >
            <Checkpoints
              models={available.value}
              chosen={chosen.value}
              choose={(names) => (picked.value = names)}
            />
            <Options
              schema={task.request}
              values={options.value}
              change={(name, value) => (options.value = { ...options.value, [name]: value })}
            />
            {/* Keys keep these two elements: one element would turn into a submit button in mid-click. */}
            {stop ? (
              <button key="stop" type="button" class="button" onClick={cancel}>
                <StopIcon /> Stop
              </button>
            ) : (
              <button
                key="run"
                type="submit"
                class="button main"
                disabled={!input || chosen.value.length === 0}
              >
                <PlayIcon /> Run
              </button>
            )}
            {!input && <p class="small quiet">Choose {nounOf(task.accepts)} first.</p>}
            {stop && <Progress progress={progress} />}
          </form>
          {failure !== undefined && <Notice>{failure}</Notice>}
          <section class="results" aria-label="Answers" aria-live="polite" aria-busy={stop !== undefined}>
            {results?.map(({ model, ...rest }, i) => (
              <article key={i} class={stop ? "slab waiting" : "slab"} data-model={model}>
                <ResultHead model={available.value.find(({ name }) => name === model)} name={model} />
                <Fields value={rest} schema={task.answer} root={task.answer} />
              </article>
            ))}
          </section>
        </div>
      </div>
    </div>
  );
}

interface CheckpointsProps {
  readonly models: readonly ModelInfo[];
  readonly chosen: readonly string[];
  readonly choose: (names: readonly string[]) => void;
}

function Checkpoints({ models, chosen, choose }: CheckpointsProps) {
  const toggle = (name: string) =>
    choose(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <fieldset class="field">
      <legend>Checkpoints</legend>
      {models.length === 0 && (
        <p class="small quiet">
          None on this machine. <code>npx tessera models</code> lists those to fetch.
        </p>
      )}
      <div class="cards">
        {models.map((model) => (
          <ModelCard
            key={model.name}
            model={model}
            chosen={chosen.includes(model.name)}
            toggle={() => toggle(model.name)}
            hint={model.paper}
          />
        ))}
      </div>
    </fieldset>
  );
}

function ResultHead({ model, name }: { readonly model: ModelInfo | undefined; readonly name: string }) {
  return (
    <header class="result-head">
      <Mosaic name={name} />
      <h2 title={name}>{model?.title ?? name}</h2>
    </header>
  );
}

function Progress({ progress }: { readonly progress: TaskProgress | undefined }) {
  const share = progress && progress.total > 0 ? progress.done / progress.total : 0;
  return (
    <div class="working">
      <p class="small quiet">
        {progress ? `${progress.what}: ${progress.done} of ${progress.total}` : "Working …"}
      </p>
      <ProgressBar label="Progress" share={share} />
      {typeof progress?.preview === "string" && (
        <img class="answer-picture" src={progress.preview} alt="Preview" />
      )}
    </div>
  );
}
