// Plain JavaScript on purpose: it must parse on the old Node it complains about.
const needed = 24;
if (Number(process.versions.node.split(".")[0]) < needed) {
  console.error(
    `Tessera needs Node ${needed} or newer; this is ${process.version} (${process.execPath}).\n` +
      "`npm ci` installs Node 24 into node_modules/.bin, which `npm run` uses by itself: run `npm ci` again,\n" +
      "without --omit=optional. Where no such package exists for your machine, install Node 24 yourself.",
  );
  process.exit(1);
}
