/** Mosaics: the page's mark, and one for each name. */

const SIDE = 5;

/** Pseudo-random numbers in [0, 1), seeded by a name. */
function randomOf(name: string): () => number {
  let seed = 2166136261;
  for (const letter of name) seed = Math.imul(seed ^ letter.charCodeAt(0), 16777619);
  return () => {
    seed = Math.imul(seed ^ (seed >>> 15), 2246822507) ^ 0x9e3779b9;
    return ((seed ^ (seed >>> 13)) >>> 0) / 2 ** 32;
  };
}

const DEPTHS = [0, 1, 2, 3, 3];

/** A symmetric pattern of 5 x 5 stones, from 0 (pale) to 3 (deep), always the same for a name. */
function stones(name: string): number[] {
  const next = randomOf(name);
  const half = Array.from({ length: SIDE * 3 }, () => DEPTHS[Math.floor(next() * DEPTHS.length)]!);
  return Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    return half[row * 3 + Math.min(column, SIDE - 1 - column)]!;
  });
}

interface StonesProps {
  readonly depths: readonly number[];
  readonly columns: number;
  readonly class: string;
}

function Stones({ depths, columns, class: name }: StonesProps) {
  return (
    <svg class={name} viewBox={`0 0 ${columns * 6} ${(depths.length / columns) * 6}`} aria-hidden="true">
      {depths.map((depth, i) => (
        <rect
          key={i}
          x={(i % columns) * 6 + 0.5}
          y={Math.floor(i / columns) * 6 + 0.5}
          width="5"
          height="5"
          rx="1"
          class={`stone-${depth}`}
        />
      ))}
    </svg>
  );
}

/** @param name of a checkpoint or a network: all checkpoints of a network look alike */
export function Mosaic({ name }: { readonly name: string }) {
  const [network = ""] = name.split(".");
  return <Stones class="mosaic" depths={stones(network)} columns={SIDE} />;
}

/** A wide mosaic for a system without a picture of its own, paler towards its edges. */
export function Tile({ name }: { readonly name: string }) {
  const next = randomOf(name);
  const [rows, columns] = [9, 16];
  const depths = Array.from({ length: rows * columns }, (_, i) => {
    const [y, x] = [(Math.floor(i / columns) + 0.5) / rows, ((i % columns) + 0.5) / columns];
    const edge = Math.hypot(x - 0.5, y - 0.5) * 4.5;
    return Math.max(0, Math.min(3, Math.round(next() * 3.8 - edge + 0.6)));
  });
  return <Stones class="tile" depths={depths} columns={columns} />;
}

export function Mark() {
  return <Stones class="mosaic" depths={[3, 3, 2, 0, 3, 0, 0, 2, 0]} columns={3} />;
}
