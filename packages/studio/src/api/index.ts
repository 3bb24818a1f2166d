/** Requests and answers of the studio's HTTP API, for the server and the page. Runs in browsers. */
export * from "./classify.ts";
export * from "./errors.ts";
export * from "./health.ts";
export * from "./inspect.ts";
export * from "./lineage.ts";
export * from "./models.ts";
export * from "./tasks.ts";
export * from "./titles.ts";
export * from "./train.ts";
export * from "./uploads.ts";
