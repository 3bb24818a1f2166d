import { resolve } from "node:path";

/** Data too large for the repository: beside it, or where `TESSERA_SHARED` says. */
export const shared = process.env.TESSERA_SHARED ?? resolve(import.meta.dirname, "../../../../shared");
