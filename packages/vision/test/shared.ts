import { resolve } from "node:path";

/** Data too large for the repository: in a folder beside it, or in `TESSERA_SHARED`. */
export const shared = process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared");
