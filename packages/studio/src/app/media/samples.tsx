/** Pictures to start with. Those here are drawn: digits from strokes, scenes from shapes. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { canvas2d, openPicture, type Picture } from "./picture.ts";
import { present } from "./present.ts";

export interface Sample {
  readonly name: string;
  readonly kind: Picture["kind"];
  /** Draws the picture, or the address of its file. */
  readonly draw: ((c: OffscreenCanvasRenderingContext2D) => void) | string;
}

const SIDE = 280;

/** Dark strokes on paper, from an SVG path in a square of 100. */
function digit(name: string, path: string): Sample {
  return {
    name,
    kind: "digit",
    draw: (c) => {
      c.fillStyle = "white";
      c.fillRect(0, 0, SIDE, SIDE);
      c.scale(SIDE / 100, SIDE / 100);
      c.lineWidth = 7.5;
      c.lineCap = "round";
      c.lineJoin = "round";
      c.strokeStyle = "#15201c";
      c.stroke(new Path2D(path));
    },
  };
}

function sky(c: OffscreenCanvasRenderingContext2D, high: string, low: string): void {
  const air = c.createLinearGradient(0, 0, 0, SIDE);
  air.addColorStop(0, high);
  air.addColorStop(1, low);
  c.fillStyle = air;
  c.fillRect(0, 0, SIDE, SIDE);
}

function shape(c: OffscreenCanvasRenderingContext2D, colour: string, path: string): void {
  c.fillStyle = colour;
  c.fill(new Path2D(path));
}

function ship(c: OffscreenCanvasRenderingContext2D): void {
  sky(c, "#7fa6c8", "#dbe7ee");
  const sea = c.createLinearGradient(0, 178, 0, SIDE);
  sea.addColorStop(0, "#4d7794");
  sea.addColorStop(1, "#1e4561");
  c.fillStyle = sea;
  c.fillRect(0, 178, SIDE, SIDE);
  shape(c, "#e9ebe6", "M88 118h96v42H88z");
  shape(c, "#cfd4d2", "M104 92h58v28h-58z");
  shape(c, "#a8362a", "M138 58h20v36h-20z");
  shape(c, "#2b2f33", "M138 58h20v9h-20z");
  shape(c, "#39474f", "M96 128h80v6H96z M110 102h46v6h-46z");
  shape(c, "#243746", "M26 154h232l-26 42H56z");
  shape(c, "#8e2f25", "M48 188h194l-8 12H58z");
  c.strokeStyle = "rgb(225 236 242 / 55%)";
  c.lineWidth = 3;
  for (const [x, y, width] of [
    [18, 214, 60],
    [110, 226, 84],
    [206, 210, 56],
    [60, 248, 70],
    [170, 254, 80],
  ] as const)
    c.stroke(new Path2D(`M${x} ${y}q${width / 4} -6 ${width / 2} 0t${width / 2} 0`));
}

function aeroplane(c: OffscreenCanvasRenderingContext2D): void {
  sky(c, "#4f8fc9", "#c4ddef");
  c.filter = "blur(7px)";
  shape(c, "rgb(255 255 255 / 75%)", "M-10 236q40 -34 84 -10t70 -4t84 14t70 -6v60H-10z");
  c.filter = "none";
  shape(c, "#8d979e", "M128 138L86 70h18l66 66z");
  shape(c, "#eef1f2", "M36 132q-8 -10 -14 -46h18l24 34h148q36 4 48 20q-8 18 -44 20H92q-40 -8 -56 -28z");
  shape(c, "#aab3b8", "M134 152l-50 62h22l76 -60z");
  shape(c, "#c9cfd2", "M40 134q16 20 52 26h124q36 -2 44 -20q-30 10 -60 8H92q-30 -2 -52 -14z");
  shape(c, "#2c3a44", "M226 128q14 3 22 8h-26z");
  c.fillStyle = "#3a4a55";
  for (let x = 84; x < 212; x += 13) c.fillRect(x, 130, 6, 6);
}

function car(c: OffscreenCanvasRenderingContext2D): void {
  sky(c, "#b9c7cf", "#e6e6df");
  shape(c, "#7c8a6d", "M0 128q50 -30 110 -14t170 -6v60H0z");
  shape(c, "#6e6e6c", "M0 164h280v116H0z");
  shape(c, "#50504f", "M22 212q118 22 240 0v10q-120 22 -240 0z");
  shape(
    c,
    "#a51f1c",
    "M20 166q4 -20 40 -26l34 -36q8 -8 26 -8h64q18 0 30 12l26 30q22 4 24 24v36q0 8 -8 8H28q-10 0 -10 -10z",
  );
  shape(c, "#26343d", "M82 140l26 -28q4 -4 12 -4h22v32z M152 108h30q10 0 18 8l20 24h-68z");
  shape(c, "#d8e2e6", "M86 138l22 -24h10l-18 24z");
  shape(c, "#781513", "M20 182h244v8H20z");
  shape(c, "#f4e9c0", "M246 160h16v12h-14z");
  for (const x of [76, 212]) {
    shape(c, "#1a1b1c", `M${x - 28} 206a28 28 0 1 1 56 0a28 28 0 1 1 -56 0`);
    shape(c, "#b9bec1", `M${x - 14} 206a14 14 0 1 1 28 0a14 14 0 1 1 -28 0`);
  }
}

export const SAMPLES: readonly Sample[] = [
  digit("a three", "M31 29C38 17 66 16 66 33C66 46 54 48 45 49C57 48 71 54 70 68C69 86 37 88 29 74"),
  digit("a five", "M68 20L39 21L35 47C49 40 69 46 69 64C69 84 41 88 29 76"),
  digit("an eight", "M64 30C56 16 35 19 36 34C37 48 68 51 67 69C66 86 34 86 34 69C34 52 66 47 64 30"),
  { name: "a ship", kind: "photo", draw: ship },
  { name: "an aeroplane", kind: "photo", draw: aeroplane },
  { name: "a car", kind: "photo", draw: car },
];

export async function openSample({ name, kind, draw }: Sample): Promise<Picture> {
  if (typeof draw === "string") return openPicture(await (await fetch(draw)).blob(), name, kind);
  const context = canvas2d(SIDE, SIDE);
  draw(context);
  return openPicture(await context.canvas.convertToBlob({ type: "image/png" }), name, kind);
}

interface SamplesProps {
  readonly samples: readonly Sample[];
  readonly choose: (sample: Sample) => void;
}

export function Samples({ samples, choose }: SamplesProps) {
  return (
    <div class="samples">
      <span class="small quiet">Or try</span>
      {samples.map((sample) => (
        <SampleButton key={sample.name} sample={sample} choose={choose} />
      ))}
    </div>
  );
}

function SampleButton({
  sample,
  choose,
}: {
  readonly sample: Sample;
  readonly choose: SamplesProps["choose"];
}) {
  const url = useSignal<string | undefined>(undefined);
  useEffect(() => {
    void openSample(sample).then((opened) => (url.value = opened.url));
    return () => url.value && URL.revokeObjectURL(url.value);
  }, []);
  return (
    <button
      type="button"
      class="sample"
      aria-label={`Sample: ${sample.name}`}
      title={sample.name}
      aria-pressed={present.value?.name === sample.name}
      onClick={() => choose(sample)}
    >
      <img src={url.value} alt="" width="44" height="44" />
    </button>
  );
}
