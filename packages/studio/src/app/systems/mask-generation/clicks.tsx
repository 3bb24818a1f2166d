/** The masks over the picture; a click or a box says what an object is. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { cssOf, type Layer, usePainted } from "./paint.ts";
import { click, current, drawBox, type Place, removeClick, shownThings } from "./state.ts";

/** Shorter drags are clicks, in pixels of the screen. */
const DRAG = 6;

export type Pointing = "on" | "beside" | "box";

interface ClicksProps {
  readonly layers: readonly Layer[];
  readonly waiting: boolean;
  /** What a plain click says; Shift turns it round, and dragging draws a box. */
  readonly pointing: Pointing;
  /** Where the pointer rests, to show what is there. */
  readonly hover: (at: Place | undefined) => void;
}

export function Clicks({ layers, waiting, pointing, hover }: ClicksProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = usePainted(layers);
  const from = useSignal<(Place & { readonly left: number; readonly top: number }) | undefined>(undefined);
  const to = useSignal<Place | undefined>(undefined);
  const placeOf = ({ clientX, clientY }: MouseEvent): Place => {
    const { left, top, width, height } = frame.current!.getBoundingClientRect();
    const within = (share: number) => Math.min(1, Math.max(0, share));
    return { x: within((clientX - left) / width), y: within((clientY - top) / height) };
  };
  const end = (event: PointerEvent) => {
    const start = from.value;
    const drawn = to.value;
    from.value = undefined;
    to.value = undefined;
    if (!start) return;
    if (drawn) return drawBox(start, drawn);
    click({ ...placeOf(event), on: (pointing !== "beside") !== event.shiftKey });
  };
  return (
    <div ref={frame} class={waiting ? "clicks waiting" : "clicks"}>
      <canvas ref={canvas} class="clicks-masks" role="img" aria-label="The objects' masks" />
      <div
        class="clicks-area"
        data-testid="clicks"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          from.value = { ...placeOf(event), left: event.clientX, top: event.clientY };
          hover(undefined);
        }}
        onPointerMove={(event) => {
          const start = from.value;
          if (!start) {
            if (event.pointerType === "mouse") hover(placeOf(event));
            return;
          }
          const moved = Math.hypot(event.clientX - start.left, event.clientY - start.top);
          // A finger that does not draw boxes scrolls.
          if ((moved > DRAG || to.value) && (pointing === "box" || event.pointerType === "mouse"))
            to.value = placeOf(event);
        }}
        onPointerUp={end}
        onPointerCancel={() => {
          from.value = undefined;
          to.value = undefined;
        }}
        onPointerLeave={() => hover(undefined)}
        style={{ touchAction: pointing === "box" ? "none" : "manipulation" }}
      />
      {from.value && to.value && <Box corners={[from.value, to.value]} color={cssOf(current.value.id)} />}
      {shownThings.value.map((thing) => (
        <Marks key={thing.id} id={thing.id} active={thing.id === current.value.id} />
      ))}
    </div>
  );
}

function Marks({ id, active }: { readonly id: number; readonly active: boolean }) {
  const thing = shownThings.value.find((each) => each.id === id);
  if (!thing) return null;
  const color = cssOf(id);
  return (
    <>
      {thing.box && active && <Box corners={thing.box} color={color} />}
      {thing.clicks.map(({ x, y, on }, i) => (
        <button
          key={i}
          type="button"
          class={`clicks-mark${active ? "" : " faint"}`}
          style={{
            left: `${x * 100}%`,
            top: `${y * 100}%`,
            background: on ? color : "white",
            borderColor: on ? "white" : color,
          }}
          aria-label={`${thing.name}, click ${i + 1}, ${on ? "on it" : "beside it"}: remove`}
          title="Remove"
          onClick={() => removeClick(id, i)}
        >
          {on ? "+" : "−"}
        </button>
      ))}
    </>
  );
}

function Box({
  corners: [a, b],
  color,
}: {
  readonly corners: readonly [Place, Place];
  readonly color: string;
}) {
  const percent = (share: number) => `${share * 100}%`;
  return (
    <div
      class="clicks-box"
      style={{
        left: percent(Math.min(a.x, b.x)),
        top: percent(Math.min(a.y, b.y)),
        width: percent(Math.abs(a.x - b.x)),
        height: percent(Math.abs(a.y - b.y)),
        borderColor: color,
      }}
    />
  );
}
