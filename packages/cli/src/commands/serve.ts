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
/** Ports that are tried after the usual one where that is taken. */
const TRIES = 10;

export function serveCommand(program: Command): void {
  program
    .command("serve")
    .description("Open the studio: pictures, drawings and networks in the browser.")
    .option("-p, --port <number>", `port (default: ${PORT}, or the next free one)`, wholeNumber(0, 65535))
    .option("--host <address>", "whom to listen to; 0.0.0.0 opens it to the network", "127.0.0.1")
    .option("--open", "open it in the browser")
    .addHelpText(
      "after",
      [
        examples(
          ["tessera serve", `http://localhost:${PORT}`],
          ["tessera serve --open", "and show it"],
          ["tessera serve --port 8080 --host 0.0.0.0", "for other machines in the network"],
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

/** The first port from the usual one on that nobody listens to. */
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
  throw new Error(`ports ${PORT} to ${PORT + TRIES - 1} are in use: --port 0 takes any that is free`);
}

/** The system's code of an error or of what caused it. */
function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return "code" in error ? String(error.code) : systemCode(error.cause);
}

function explain(code: string, port: number, host: string): string | undefined {
  const nowhere = `${host} is no address of this machine: --host 127.0.0.1, or 0.0.0.0 for the network`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is in use: --port 0 takes any that is free`,
    EACCES: `port ${port} of ${host} is not open to you: choose one from 1024 on with --port`,
    EADDRNOTAVAIL: nowhere,
    ENOTFOUND: nowhere,
    EAI_AGAIN: nowhere,
  };
  return reasons[code];
}

/** Shows an address in the person's own browser; where there is none, the address was printed. */
function openBrowser(url: string): void {
  const [command, ...words] = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] }[
    process.platform as string
  ] ?? ["xdg-open"];
  const child = spawn(command as string, [...words, url], { stdio: "ignore", detached: true });
  child.on("error", () => note(`No browser could be opened: go to ${url}`));
  child.unref();
}
