/** A toggle button for one model. */
import type { ComponentChildren } from "preact";
import type { ModelInfo } from "../../api/index.ts";
import { count, origin, shortTitle } from "../format.ts";
import { Mosaic } from "./mosaic.tsx";
import "./model-card.css";

interface ModelCardProps {
  readonly model: ModelInfo;
  readonly chosen: boolean;
  readonly toggle: () => void;
  readonly hint: string;
  /** Follows the number of parameters. */
  readonly children?: ComponentChildren;
}

export function ModelCard({ model, chosen, toggle, hint, children }: ModelCardProps) {
  return (
    <button type="button" class="card" aria-pressed={chosen} onClick={toggle} title={hint}>
      <Mosaic name={model.name} />
      <span class="card-title">{shortTitle(model.title)}</span>
      <span class="card-year small quiet">{origin(model)}</span>
      <span class="card-facts small quiet">
        {count(model.params)} <span class="wide">parameters</span>
        {children}
      </span>
    </button>
  );
}
