/** Imported first: an older Node gets one sentence instead of the name of whatever it lacks. */
if (Number.parseInt(process.versions.node, 10) < 24)
  throw new Error(`Tessera needs Node 24 or newer, this is Node ${process.versions.node}`);

export {};
