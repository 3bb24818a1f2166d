/** A sheet to draw a digit on. Networks answer while the drawing goes on. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { openPicture } from "../../media/picture.ts";
import { forget, show } from "../../media/present.ts";
import { BinIcon, EraserIcon, PenIcon, UndoIcon } from "../../parts/icons.tsx";
import { answers } from "./state.ts";

interface Stroke {
  readonly erases: boolean;
  /** x and y, 0 to 1. */
  readonly points: [number, number][];
}

const SIDE = 280;
const PEN = 21;
const ERASER = 44;
const FEWEST_POINTS = 4;
/** Between two looks at an unfinished drawing. */
const PAUSE_MS = 160;

export function Pad() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const strokes = useRef<Stroke[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const drawing = useRef(false);
  const erases = useSignal(false);
  const drawn = useSignal(0);

  const look = () => {
    // Networks still at the last look get the next one when they are done.
    const busy = [...answers.peek().values()].some(({ waiting }) => waiting);
    timer.current = busy ? setTimeout(look, PAUSE_MS) : undefined;
    // A dot is not a digit yet.
    if (busy || strokes.current.flatMap(({ points }) => points).length < FEWEST_POINTS) return;
    const looked = strokes.current;
    canvas.current?.toBlob((blob) => {
      if (!blob) return;
      void openPicture(blob, "a drawing", "digit").then((drawing) => {
        // The sheet may have been closed or cleared meanwhile.
        if (canvas.current && strokes.current === looked) show(drawing);
      });
    }, "image/png");
  };
  const changed = () => {
    paint(canvas.current!, strokes.current);
    drawn.value = strokes.current.length;
    timer.current ??= setTimeout(look, PAUSE_MS);
  };
  useEffect(() => {
    paint(canvas.current!, []);
    return () => clearTimeout(timer.current);
  }, []);

  const add = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const stroke = strokes.current.at(-1)!;
    // All positions since the last event, so that quick curves stay round.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of events.length > 0 ? events : [event])
      stroke.points.push([(clientX - box.left) / box.width, (clientY - box.top) / box.height]);
    changed();
  };
  const wipe = (rest: Stroke[]) => {
    strokes.current = rest;
    changed();
    if (rest.length === 0) forget();
  };

  return (
    <>
      <div class="frame pad">
        <canvas
          ref={canvas}
          width={SIDE}
          height={SIDE}
          aria-label="Sheet for drawing a digit with a pointer. Without a pointer, choose a sample or a file."
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.preventDefault();
            canvas.current!.setPointerCapture(event.pointerId);
            drawing.current = true;
            strokes.current.push({ erases: erases.value, points: [] });
            add(event);
          }}
          onPointerMove={(event) => drawing.current && add(event)}
          onPointerUp={() => (drawing.current = false)}
          onPointerCancel={() => (drawing.current = false)}
        />
        {drawn.value === 0 && <p class="pad-hint">Draw a digit, 0 to 9</p>}
      </div>
      <div class="pad-tools" role="toolbar" aria-label="Drawing">
        <button
          type="button"
          class="button"
          aria-pressed={!erases.value}
          onClick={() => (erases.value = false)}
        >
          <PenIcon /> Pen
        </button>
        <button
          type="button"
          class="button"
          aria-pressed={erases.value}
          onClick={() => (erases.value = true)}
        >
          <EraserIcon /> Eraser
        </button>
        <button
          type="button"
          class="button"
          disabled={drawn.value === 0}
          aria-label="Undo the last stroke"
          title="Undo"
          onClick={() => wipe(strokes.current.slice(0, -1))}
        >
          <UndoIcon />
        </button>
        <button type="button" class="button" disabled={drawn.value === 0} onClick={() => wipe([])}>
          <BinIcon /> Clear
        </button>
      </div>
    </>
  );
}

/** Dark ink on white in both themes: the user sees what the networks get. */
function paint(canvas: HTMLCanvasElement, strokes: readonly Stroke[]): void {
  const c = canvas.getContext("2d")!;
  c.fillStyle = "white";
  c.fillRect(0, 0, SIDE, SIDE);
  c.lineCap = "round";
  c.lineJoin = "round";
  for (const { erases, points } of strokes) {
    c.strokeStyle = erases ? "white" : "#15201c";
    c.lineWidth = erases ? ERASER : PEN;
    c.beginPath();
    const [first] = points;
    c.moveTo(first![0] * SIDE, first![1] * SIDE);
    // Some browsers do not draw a line of no length, which a dot is.
    c.lineTo(first![0] * SIDE + 0.1, first![1] * SIDE);
    // Through the midpoints, bent towards each point.
    for (const [i, [x, y]] of points.entries()) {
      const [nextX, nextY] = points[i + 1] ?? [x, y];
      c.quadraticCurveTo(x * SIDE, y * SIDE, ((x + nextX) / 2) * SIDE, ((y + nextY) / 2) * SIDE);
    }
    c.stroke();
  }
}
