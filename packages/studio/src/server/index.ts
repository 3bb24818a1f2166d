/**
 * The studio: an HTTP server with an API, and the web app that looks inside networks.
 *
 * @packageDocumentation
 */
export { type Studio, type StudioOptions, startStudio } from "./studio.ts";
