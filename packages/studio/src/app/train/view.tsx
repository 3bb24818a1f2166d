/** Training, live: a recipe, a budget and the curves. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { RecipeInfo } from "../../api/index.ts";
import type { Training } from "../engine/engine.ts";
import { clock, dataTitle } from "../format.ts";
import { useAnswer } from "../parts/answer.ts";
import { PlayIcon, StopIcon } from "../parts/icons.tsx";
import { Notice } from "../parts/notice.tsx";
import { ProgressBar } from "../parts/progress.tsx";
import { Segments } from "../parts/segments.tsx";
import { route } from "../route.ts";
import { engine, hrefOfModel } from "../state.ts";
import { Curve } from "./curve.tsx";
import { going, orderFailure, resumeRun, run, startRun, stopRun } from "./run.ts";
import "./train.css";

export function TrainView() {
  const { kind, training } = engine.value ?? {};
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Train</h1>
          <p class="quiet">Start from random numbers and watch a network learn.</p>
          {kind === "browser" && (
            <p class="quiet">
              This page has no data sets, so it draws its own digits and trains on those. A server (
              <code>npx tessera serve</code>) trains on handwriting and photographs.
            </p>
          )}
        </div>
      </div>
      {training && <Bench training={training} />}
    </div>
  );
}

type Budget = "look" | "short" | "whole";

const BUDGETS: Readonly<
  Record<Budget, { title: string; of: (recipe: RecipeInfo) => { epochs?: number; samples?: number } }>
> = {
  look: { title: "Quick look", of: () => ({ epochs: 2, samples: 2000 }) },
  short: { title: "Few passes", of: ({ epochs }) => ({ epochs: Math.min(3, epochs) }) },
  whole: { title: "Full", of: () => ({}) },
};

function Bench({ training }: { readonly training: Training }) {
  const recipes = useAnswer(() => engine.value?.training.recipes());
  const [named] = route.value.path;
  const wanted = useSignal<string | undefined>(named);
  useEffect(() => {
    if (named !== undefined) wanted.value = named;
  }, [named]);
  const budget = useSignal<Budget>("look");
  useEffect(() => void resumeRun(training), [training]);
  const list = recipes.value.value ?? [];
  const recipe =
    list.find(({ name }) => name === wanted.value) ?? list.find(({ data }) => data === "here") ?? list[0];
  return (
    <>
      {recipes.value.failure !== undefined && <Notice>{recipes.value.failure}</Notice>}
      <div class="train-two">
        <form
          class="slab recipe"
          onSubmit={(event) => {
            event.preventDefault();
            if (recipe) void startRun(training, { recipe: recipe.name, ...BUDGETS[budget.value].of(recipe) });
          }}
        >
          <fieldset disabled={going.value}>
            <legend>Recipe</legend>
            {list.length === 0 && <p class="quiet">{recipes.value.waiting ? "…" : "None"}</p>}
            <div class="recipes">
              {list.map((each) => (
                <label key={each.name} class={each === recipe ? "option on" : "option"}>
                  <input
                    type="radio"
                    name="recipe"
                    checked={each === recipe}
                    onChange={() => (wanted.value = each.name)}
                  />
                  <span>{each.title}</span>
                  <span class="small quiet">
                    {dataTitle(each.dataset)} · {each.epochs} passes · about {minutes(each.minutes)}
                  </span>
                </label>
              ))}
            </div>
          </fieldset>
          <fieldset disabled={going.value}>
            <legend>Budget</legend>
            <Segments
              label="Budget"
              value={budget.value}
              choose={(value) => (budget.value = value)}
              choices={(Object.keys(BUDGETS) as Budget[]).map((value) => ({
                value,
                title: BUDGETS[value].title,
              }))}
            />
            <p class="small quiet budget-text">{recipe && describe(recipe, budget.value)}</p>
          </fieldset>
          {going.value ? (
            <button
              type="button"
              class="button"
              disabled={run.value!.stopping}
              onClick={() => void stopRun()}
            >
              <StopIcon /> Stop
            </button>
          ) : (
            <button type="submit" class="button main" disabled={recipe?.data !== "here"}>
              <PlayIcon /> Start training
            </button>
          )}
          {recipe?.data === "absent" && (
            <p class="small quiet">
              The data set {recipe.dataset} is not on this machine.{" "}
              <code>npx tessera data get {recipe.dataset}</code> fetches it, or tells you where to put it. “In
              this page” (above) needs no data set: it trains on digits it draws.
            </p>
          )}
          {orderFailure.value !== undefined && <Notice>{orderFailure.value}</Notice>}
        </form>
        <Progress recipes={list} />
      </div>
    </>
  );
}

function minutes(value: number): string {
  return value < 1 ? "a minute" : value < 90 ? `${Math.round(value)} min` : `${(value / 60).toFixed(1)} h`;
}

function describe(recipe: RecipeInfo, budget: Budget): string {
  const { epochs = recipe.epochs, samples } = BUDGETS[budget].of(recipe);
  const passes = `${epochs} ${epochs === 1 ? "pass" : "passes"}`;
  if (samples !== undefined) return `${passes} over ${samples.toLocaleString("en")} samples: up to a minute.`;
  if (budget === "short") return `${passes} over all samples.`;
  const { metric, label = metric, unit, atLeast, atMost } = recipe.expected;
  const goal = atLeast !== undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  return `${passes}. Expected: ${label} ${goal}${unit ? ` ${unit}` : ""} on the test set.`;
}

/** The figure a run is judged by. */
type Expected = Pick<RecipeInfo["expected"], "metric" | "label" | "unit">;

function Progress({ recipes }: { readonly recipes: readonly RecipeInfo[] }) {
  const now = run.value;
  const recipe = recipes.find(({ name }) => name === now?.recipe) ?? recipes[0];
  const expected: Expected = recipe?.expected ?? { metric: "loss" };
  const { metric, label = metric, unit } = expected;
  const step = now?.step;
  const share = step ? step.step / step.steps : 0;
  return (
    <section class="slab progress" aria-label="Progress">
      <div class="progress-head" aria-live="polite">
        <h2>{now ? now.recipe || "…" : "No run yet"}</h2>
        <span class="quiet">{state(now, expected)}</span>
      </div>
      <ProgressBar label="Progress of the run" share={now?.ended && !now.ended.stopped ? 1 : share} />
      <dl class="facts">
        <Fact
          name="Step"
          value={step ? `${step.step.toLocaleString("en")} of ${step.steps.toLocaleString("en")}` : "–"}
        />
        <Fact name="Speed" value={step ? `${step.stepsPerSecond.toFixed(1)} steps/s` : "–"} />
        <Fact
          name="Time left"
          value={step && step.secondsLeft !== null && going.value ? clock(step.secondsLeft) : "–"}
        />
      </dl>
      <div class="curves">
        <Curve title="Loss" smooth points={now?.loss ?? []} end={now?.epochs ?? 1} />
        <Curve
          title={`${label.slice(0, 1).toUpperCase()}${label.slice(1)} on the test set`}
          {...(unit && { unit })}
          points={now?.figures[metric] ?? []}
          end={now?.epochs ?? 1}
          marks
        />
      </div>
      {now?.failure !== undefined && <Notice>{now.failure}</Notice>}
      {now?.ended?.model !== undefined && (
        <p>
          The trained network: <a href={hrefOfModel(now.ended.model)}>{now.ended.model}</a>
        </p>
      )}
    </section>
  );
}

function state(now: typeof run.value, { metric, unit }: Expected): string {
  if (!now) return " ";
  if (now.failure !== undefined) return "failed";
  if (!now.ended && now.stopping) return "stopping";
  if (!now.ended) return now.step ? "training" : "preparing the data";
  if (now.ended.stopped) return "stopped";
  const value = now.ended.figures?.[metric];
  const result =
    value === undefined || value === null ? "done" : `done: ${value.toFixed(2)}${unit ? ` ${unit}` : ""}`;
  return now.ended.passed === undefined
    ? result
    : `${result}, ${now.ended.passed ? "as expected" : "below what is expected"}`;
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt class="small quiet">{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
