/**
 * Claims from papers as experiments that take minutes: `tessera study NAME`. Node only.
 *
 * @packageDocumentation
 */
export { studies } from "./list.ts";
