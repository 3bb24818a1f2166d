// Plain JavaScript, because it must parse on the old Node it complains about.
const needed = 24;
if (Number(process.versions.node.split(".")[0]) < needed) {
  console.error(
    `Tessera needs Node ${needed} or newer; this is ${process.version} (${process.execPath}).\n` +
      "`npm ci` installs Node 24 into node_modules/.bin, where `npm run` finds it: run `npm ci` again\n" +
      "without --omit=optional. If there is no such package for your platform, install Node 24 yourself.",
  );
  process.exit(1);
}
