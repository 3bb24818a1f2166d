/** What the numbers of a depth file mean. */
import type { Planes } from "@tessera-ml/media";

/** How stored numbers become metres, or pixels of disparity. */
export interface Units {
  /** `disparity` grows towards the camera, and is known up to a factor or a factor and a shift. */
  readonly kind: "depth" | "disparity";
  /** Metres (or pixels of disparity) per stored unit. */
  readonly unit: number;
  /** Stored numbers that mean "no measurement"; 0 always does. */
  readonly invalid?: readonly number[];
  /** Values above this are invalid: beyond the range of the sensor. */
  readonly max?: number;
}

/** Units of known data sets, as published. */
export const UNITS = {
  /** TUM RGB-D (Sturm et al. 2012). */
  tum: { kind: "depth", unit: 1 / 5000 },
  /** Object Segmentation Database: Kinect. */
  osd: { kind: "depth", unit: 1 / 1000 },
  /** 7-Scenes (Shotton et al. 2013). */
  "7scenes": { kind: "depth", unit: 1 / 1000, invalid: [65535] },
  /** Renderings of Replica rooms in millimetres. */
  replica: { kind: "depth", unit: 1 / 1000 },
  hololens: { kind: "depth", unit: 1 / 1000 },
  nyu: { kind: "depth", unit: 1 / 1000 },
  /** SUN RGB-D with the rotation by 3 bits undone. */
  sunrgbd: { kind: "depth", unit: 1 / 1000 },
  open3d: { kind: "depth", unit: 1 / 1000 },
  /** Middlebury stereo 2005 and 2006, third size; quarter-size files of 2003 have a quarter pixel per unit. */
  middlebury: { kind: "disparity", unit: 1 / 3 },
} as const satisfies Readonly<Record<string, Units>>;

export type KnownUnits = keyof typeof UNITS;

/** The units that a text such as `metres = value / 5000` or `disparity in pixels = value / 3` states. */
export function parseUnits(text: string): Units | undefined {
  const found = /^(metres|disparity in pixels) = value \/ (\d+(?:\.\d+)?)/.exec(text);
  if (!found) return undefined;
  const divisor = Number(found[2]);
  if (divisor === 0) return undefined;
  return { kind: found[1] === "metres" ? "depth" : "disparity", unit: 1 / divisor };
}

/**
 * Units by the name of a data set (`tum`), or as {@link parseUnits} takes them.
 *
 * @throws RangeError if the text is neither
 */
export function readUnits(text: string): Units {
  const found = UNITS[text as KnownUnits] ?? parseUnits(text);
  if (!found)
    throw new RangeError(
      `units: expected \`metres = value / 1000\`, \`disparity in pixels = value / 3\` or one of ${Object.keys(UNITS).join(", ")}, got ${JSON.stringify(text)}`,
    );
  return found;
}

/**
 * Sets what is no measurement to 0: values of 0 or less, not finite, above `max`, or stored as one of `invalid`.
 *
 * @returns which pixels are valid, 1 or 0
 */
export function clearInvalid(
  { data }: Planes,
  { unit, invalid = [], max = Number.POSITIVE_INFINITY }: Units,
) {
  const bad = new Set(invalid.map((value) => Math.fround(value * unit)));
  const valid = new Uint8Array(data.length);
  for (const [i, value] of data.entries()) {
    if (value > 0 && value <= max && Number.isFinite(value) && !bad.has(value)) valid[i] = 1;
    else data[i] = 0;
  }
  return valid;
}
