/** Little mosaics: the page's mark, and one for each network. */

const SIDE = 5;

/** A symmetric pattern that a name always gets: 5 x 5 stones, 0 (joint) to 3 (deep). */
function stones(name: string): number[] {
  let seed = 2166136261;
  const next = () => {
    seed = Math.imul(seed ^ (seed >>> 15), 2246822507) ^ 0x9e3779b9;
    return ((seed ^ (seed >>> 13)) >>> 0) / 2 ** 32;
  };
  for (const letter of name) seed = Math.imul(seed ^ letter.charCodeAt(0), 16777619);
  const half = Array.from({ length: SIDE * 3 }, () => [0, 1, 2, 3, 3][Math.floor(next() * SIDE)]!);
  return Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    return half[row * 3 + Math.min(column, SIDE - 1 - column)]!;
  });
}

/** @param name of a checkpoint or a network: those of one network look alike */
export function Mosaic({ name }: { readonly name: string }) {
  const [network = ""] = name.split(".");
  return (
    <svg class="mosaic" viewBox="0 0 30 30" aria-hidden="true">
      {stones(network).map((depth, i) => (
        <rect
          key={i}
          x={(i % SIDE) * 6 + 0.5}
          y={Math.floor(i / SIDE) * 6 + 0.5}
          width="5"
          height="5"
          rx="1"
          class={`stone-${depth}`}
        />
      ))}
    </svg>
  );
}

export function Mark() {
  const depths = [3, 3, 2, 0, 3, 0, 0, 2, 0];
  return (
    <svg class="mosaic" viewBox="0 0 18 18" aria-hidden="true">
      {depths.map((depth, i) => (
        <rect
          key={i}
          x={(i % 3) * 6 + 0.5}
          y={Math.floor(i / 3) * 6 + 0.5}
          width="5"
          height="5"
          rx="1"
          class={`stone-${depth}`}
        />
      ))}
    </svg>
  );
}
