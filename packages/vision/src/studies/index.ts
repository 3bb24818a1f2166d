/**
 * Claims of the papers as experiments of minutes: `tessera study NAME`. Node only.
 *
 * @packageDocumentation
 */
export { studies } from "./list.ts";
