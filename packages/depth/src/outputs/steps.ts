/** Maps as 16-bit pictures from which their values can be had again. */

/** Steps of a map with 16 bits, from 1; 0 means that there is no value. */
const STEPS = 65534;

/** From values, not finite where there is none, to steps. The error is at most half a step of `(max - min) / 65534`. */
export function toSteps(values: Float32Array, min: number, max: number): Uint16Array {
  const scale = max > min ? STEPS / (max - min) : 0;
  return Uint16Array.from(values, (value) =>
    Number.isFinite(value) ? 1 + Math.round((value - min) * scale) : 0,
  );
}

/** From steps to values, NaN where there is none. */
export function fromSteps(steps: ArrayLike<number>, min: number, max: number): Float32Array {
  return Float32Array.from(steps, (step) =>
    step === 0 ? Number.NaN : min + ((step - 1) * (max - min)) / STEPS,
  );
}
