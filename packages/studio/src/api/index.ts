/** Schemas of the studio's HTTP API, shared by the server and the page. Runs in browsers. */
export * from "./errors.ts";
export * from "./health.ts";
export * from "./lineage.ts";
export * from "./models.ts";
export * from "./tasks.ts";
export * from "./train.ts";
export * from "./uploads.ts";
