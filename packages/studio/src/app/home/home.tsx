/** The home page: a card for each system. */
import type { TaskInfo } from "../../api/index.ts";
import { Tile } from "../parts/mosaic.tsx";
import { hrefOf } from "../route.ts";
import { models, ready, tasks } from "../state.ts";
import { cardOf } from "../systems.ts";
import "./home.css";

export function Home() {
  return (
    <div class="home">
      <div class="view-head">
        <div>
          <h1>Landmark neural networks, open to look into</h1>
          <p class="quiet">
            Give one a file and see what it makes of it, watch it work layer by layer, or train it from
            scratch.
          </p>
        </div>
        <p class="quiet small" role="status">
          {models.value.length > 0 && `${checkpoints(ready.value.length)} ready on this machine`}
        </p>
      </div>
      <ul class="systems">
        {tasks.value?.map((task) => (
          <li key={task.name}>
            <Card task={task} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Card({ task }: { readonly task: TaskInfo }) {
  const { name, command, title, summary, checkpoints: owner } = task;
  const picture = cardOf(name);
  const count = ready.value.filter((model) => model.task === owner).length;
  return (
    <a class="system slab" href={hrefOf(command)}>
      <span class="system-picture">
        {picture === undefined ? <Tile name={name} /> : <img src={picture} alt="" />}
      </span>
      <span class="system-text">
        <span class="system-title">{title}</span>
        <span class="quiet">{summary}</span>
        <span class="small quiet">{models.value.length > 0 ? `${checkpoints(count)} ready` : " "}</span>
      </span>
    </a>
  );
}

function checkpoints(count: number): string {
  return count === 1 ? "1 checkpoint" : `${count === 0 ? "No" : count} checkpoints`;
}
