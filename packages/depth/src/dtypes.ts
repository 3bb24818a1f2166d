/** What a network computes with: `int8` rounds the weights and inputs of linear layers to 8 bits. */
export const RUN_DTYPES = ["float32", "int8"] as const;
export type RunDtype = (typeof RUN_DTYPES)[number];
