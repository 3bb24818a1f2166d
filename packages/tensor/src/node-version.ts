/**
 * Imported first by every entry: Node below 24 gets one sentence instead of the name of whatever it lacks. Browsers
 * have no `process`.
 */
const { process } = globalThis as { process?: { readonly versions?: { readonly node?: string } } };
const version = process?.versions?.node;
if (version !== undefined && Number.parseInt(version, 10) < 24)
  throw new Error(`Tessera needs Node 24 or newer, this is Node ${version}`);

export {};
