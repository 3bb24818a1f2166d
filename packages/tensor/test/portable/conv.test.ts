import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "../../src/index.ts";
import { check } from "../support/fixtures.ts";

await check<ConvOptions & ConvTransposeOptions>(
  "conv",
  {
    conv1d: (args, x, weight, bias) => conv1d(x, weight, { ...args, bias }),
    conv2d: (args, x, weight, bias) => conv2d(x, weight, { ...args, bias }),
    conv3d: (args, x, weight, bias) => conv3d(x, weight, { ...args, bias }),
    convTranspose1d: (args, x, weight, bias) => convTranspose1d(x, weight, { ...args, bias }),
    convTranspose2d: (args, x, weight, bias) => convTranspose2d(x, weight, { ...args, bias }),
    convTranspose3d: (args, x, weight, bias) => convTranspose3d(x, weight, { ...args, bias }),
  },
  { atol: 5e-6 }, // Winograd's algorithm costs two bits
);
