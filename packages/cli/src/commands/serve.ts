/** `tessera serve`: the studio. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Command } from "@commander-js/extra-typings";
import type { Studio } from "@tessera-ml/studio";
import { describeError } from "../errors.ts";
import { examples, wholeNumber } from "../options.ts";
import { note, paint, print } from "../output.ts";

const PORT = 5180;
/** How many ports to try, from the default one up. */
const TRIES = 10;

export function serveCommand(program: Command): void {
  program
    .command("serve")
    .description("Start the studio, the web app for all systems.")
    .option("-p, --port <number>", `port (default: ${PORT}, or the next free one)`, wholeNumber(0, 65535))
    .option("--host <address>", "address to listen on; 0.0.0.0 lets other machines connect", "127.0.0.1")
    .option("--open", "open it in a browser")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera serve", `http://localhost:${PORT}`],
          ["tessera serve --open", "and a browser window"],
          ["tessera serve --port 8080 --host 0.0.0.0", "reachable from other machines"],
        ),
        "",
        "Ctrl-C stops it.",
      ].join("\n"),
    )
    .action(async ({ port, host, open }) => {
      const studio = await start(port ?? (await freePort(host)), host);
      print(`The studio is at ${paint(["bold", "cyan"], studio.url)}`);
      note("Ctrl-C stops it.");
      if (open) openBrowser(studio.url);
      await new Promise((stopped) => process.once("SIGINT", stopped).once("SIGTERM", stopped));
      await studio.close();
    });
}

async function start(port: number, host: string): Promise<Studio> {
  const { startStudio } = await import("@tessera-ml/studio");
  try {
    return await startStudio({ port, host });
  } catch (error) {
    throw new Error(explain(systemCode(error), port, host) ?? describeError(error), { cause: error });
  }
}

/** The first free port, from the default one up. */
async function freePort(host: string): Promise<number> {
  for (let port = PORT; port < PORT + TRIES; port++) {
    const probe = createServer().listen(port, host);
    const free = await once(probe, "listening").then(
      () => true,
      (error: unknown) => {
        if (systemCode(error) === "EADDRINUSE") return false;
        throw new Error(explain(systemCode(error), port, host) ?? describeError(error), { cause: error });
      },
    );
    if (free) {
      await new Promise((closed) => probe.close(closed));
      return port;
    }
    note(`Port ${port} is in use.`);
  }
  throw new Error(`ports ${PORT} to ${PORT + TRIES - 1} are in use: --port 0 picks a free one`);
}

/** The system error code of an error or of its cause. */
function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return "code" in error ? String(error.code) : systemCode(error.cause);
}

function explain(code: string, port: number, host: string): string | undefined {
  const nowhere = `${host} is not an address of this machine: use --host 127.0.0.1, or 0.0.0.0 for all interfaces`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is in use: --port 0 picks a free one`,
    EACCES: `port ${port} of ${host} needs more rights: choose one above 1023 with --port`,
    EADDRNOTAVAIL: nowhere,
    ENOTFOUND: nowhere,
    EAI_AGAIN: nowhere,
  };
  return reasons[code];
}

/** Opens a URL in the default browser. */
function openBrowser(url: string): void {
  const [command, ...words] = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] }[
    process.platform as string
  ] ?? ["xdg-open"];
  const child = spawn(command as string, [...words, url], { stdio: "ignore", detached: true });
  child.on("error", () => note(`Could not open a browser: go to ${url}`));
  child.unref();
}
