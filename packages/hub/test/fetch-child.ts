import { download } from "../src/download.ts";

// One download in a separate process: node fetch-child.ts URL TARGET SHA256
const [url, target, sha256] = process.argv.slice(2);
const result = await download(url!, target!, { sha256, backOff: 1 });
console.log(JSON.stringify(result));
