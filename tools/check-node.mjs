// Plain JavaScript on purpose: it must parse on the old Node it complains about.
const needed = 24;
if (Number.parseInt(process.versions.node, 10) < needed) {
  console.error(
    `Tessera needs Node ${needed} or newer, this is ${process.version} (${process.execPath}): run \`npm ci\` without ` +
      "--omit=optional, which puts Node 24 where npm scripts find it, or install it yourself if npm has none for " +
      "your platform.",
  );
  process.exit(1);
}
