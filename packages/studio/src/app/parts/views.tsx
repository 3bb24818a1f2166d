/** The views of a system, as links. */
import type { TaskInfo } from "../../api/index.ts";
import { hrefOf } from "../route.ts";

interface ViewsProps {
  readonly task: TaskInfo;
  /** `view` is its address below the system's; empty for the first. */
  readonly views: readonly { readonly view: string; readonly title: string }[];
  readonly current: string;
}

export function Views({ task, views, current }: ViewsProps) {
  return (
    <div class="views">
      <nav class="segments" aria-label={task.title}>
        {views.map(({ view, title }) => (
          <a
            key={view}
            href={view === "" ? hrefOf(task.command) : hrefOf(task.command, view)}
            aria-current={view === current ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
    </div>
  );
}
