/** The surface in space, with the picture on it. Three.js is loaded when it is first shown. */
import { useSignal } from "@preact/signals";
import type { DepthResult } from "@tessera-ml/depth/outputs";
import { useEffect, useRef } from "preact/hooks";
import { messageOf } from "../../engine/message.ts";
import { UndoIcon } from "../../parts/icons.tsx";
import { Notice } from "../../parts/notice.tsx";
import type { ReliefScene } from "./relief-scene.ts";

interface ReliefProps {
  readonly result: DepthResult;
  /** Of the picture. */
  readonly url: string;
}

export function Relief({ result, url }: ReliefProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<ReliefScene>(undefined);
  const failure = useSignal<string | undefined>(undefined);
  const facts = useSignal<string | undefined>(undefined);

  useEffect(() => () => scene.current?.close(), []);
  useEffect(() => {
    let left = false;
    failure.value = undefined;
    const show = async () => {
      const { ReliefScene } = await import("./relief-scene.ts");
      if (left || !canvas.current) return;
      scene.current ??= new ReliefScene(canvas.current);
      const triangles = await scene.current.show(result, url);
      if (!left) facts.value = `${triangles.toLocaleString("en")} triangles`;
    };
    show().catch((error: unknown) => {
      if (!left) failure.value = messageOf(error);
    });
    return () => {
      left = true;
    };
  }, [result, url]);

  return (
    <div class="relief">
      {failure.value !== undefined && <Notice>{failure.value}</Notice>}
      <canvas
        ref={canvas}
        class="relief-canvas"
        tabIndex={0}
        role="img"
        aria-label="Relief: arrow keys turn it, plus and minus come nearer and go away, 0 resets"
        onKeyDown={(event) => {
          if (scene.current?.press(event.key)) event.preventDefault();
        }}
      />
      <div class="depth-head">
        <button type="button" class="button" onClick={() => scene.current?.reset()}>
          <UndoIcon /> Reset
        </button>
        <span class="small quiet">
          Drag to turn, pinch or scroll to come nearer.{" "}
          {result.kind === "metric" ? "To scale." : "Depth is not to scale."}
        </span>
        <span class="small quiet" role="status">
          {facts.value}
        </span>
      </div>
    </div>
  );
}
