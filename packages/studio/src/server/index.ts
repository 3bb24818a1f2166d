/**
 * The studio: an HTTP server with an API, and a web app for all systems.
 *
 * @packageDocumentation
 */
export { type Studio, type StudioOptions, startStudio } from "./studio.ts";
