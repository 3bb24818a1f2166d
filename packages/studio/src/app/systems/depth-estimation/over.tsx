/** The map over the picture, under a slider; a tap sets a point. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { usePainted } from "./paint.ts";
import { colormap, type Depth, MOST_TAPS, taps } from "./state.ts";

/** Of the picture's width, for an arrow key. */
const STEP = 0.01;
const name = (index: number) => String.fromCharCode(65 + index);

export function Over({ depth, waiting }: { readonly depth: Depth; readonly waiting: boolean }) {
  /** The map covers the picture from here to the right. */
  const edge = useSignal(0.5);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = usePainted(depth.map, depth.answer.kind, colormap.value);
  const shareAt = ({ clientX, clientY }: MouseEvent) => {
    const { left, top, width, height } = frame.current!.getBoundingClientRect();
    const within = (share: number) => Math.min(1, Math.max(0, share));
    return { x: within((clientX - left) / width), y: within((clientY - top) / height) };
  };
  return (
    <div ref={frame} class={waiting ? "over waiting" : "over"} style={{ "--edge": `${edge.value * 100}%` }}>
      <canvas ref={canvas} class="over-map" role="img" aria-label="The depth map" />
      {/* A mouse or a finger points; the keyboard has the button below the map. */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: see above */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div
        class="over-taps"
        data-testid="taps"
        onClick={(event) => {
          if (taps.value.length < MOST_TAPS) taps.value = [...taps.value, shareAt(event)];
        }}
      />
      <div
        class="over-edge"
        role="slider"
        tabIndex={0}
        aria-label="From here on the map covers the picture"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(edge.value * 100)}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) edge.value = shareAt(event).x;
        }}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[
            event.key
          ];
          if (step === undefined) return;
          event.preventDefault();
          edge.value = Math.min(1, Math.max(0, edge.value + step));
        }}
      />
      {taps.value.map((tap, i) => (
        <Marker key={i} index={i} x={tap.x} y={tap.y} shareAt={shareAt} />
      ))}
    </div>
  );
}

interface MarkerProps {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly shareAt: (event: MouseEvent) => { readonly x: number; readonly y: number };
}

function Marker({ index, x, y, shareAt }: MarkerProps) {
  const move = (to: { readonly x: number; readonly y: number }) => {
    const within = (share: number) => Math.min(1, Math.max(0, share));
    taps.value = taps.value.map((tap, i) =>
      i === index ? { ...tap, x: within(to.x), y: within(to.y) } : tap,
    );
  };
  // The newest point has the focus, so that arrow keys move it.
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  return (
    <button
      ref={button}
      type="button"
      class="over-marker"
      style={{ left: `${x * 100}%`, top: `${y * 100}%` }}
      aria-label={`Point ${name(index)}: arrow keys move it, Delete removes it`}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) move(shareAt(event));
      }}
      onKeyDown={(event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (event.key === "Delete" || event.key === "Backspace")
          taps.value = taps.value.filter((_, i) => i !== index);
        else if (by) move({ x: x + by[0]! * STEP, y: y + by[1]! * STEP });
        else return;
        event.preventDefault();
      }}
    >
      {name(index)}
    </button>
  );
}
