/** Video in a browser: decoded and encoded in the page, by WebCodecs. */
export { openReader, openWriter } from "./container.ts";
