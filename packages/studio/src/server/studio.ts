/** The studio as a server that is started and closed. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { installedSystems } from "@tessera-ml/tessera/installed";
import { studioApp } from "./app.ts";
import { scriptUrl } from "./beside.ts";
import { Catalog } from "./catalog.ts";
import { WorkerPool } from "./inference/pool.ts";
import { Runs } from "./training/runs.ts";
import { webApp } from "./web.ts";

export interface StudioOptions {
  /** Default 5180; 0 for any that is free. */
  readonly port?: number;
  /** Default 127.0.0.1: only this machine's programs reach it. */
  readonly host?: string;
  /** Names beside this machine's own under which browsers may reach it, such as that of a proxy before it. */
  readonly allowedHosts?: readonly string[];
  /** Of a request's body, default 20 MB. */
  readonly maxBytes?: number;
  /** Of a picture, default 50 million. */
  readonly maxPixels?: number;
  /** Requests that may wait for a network before one is refused, default 64. */
  readonly capacity?: number;
  /** Threads that compute, default 1: one network at a time, on all cores. */
  readonly workers?: number;
  /** The folder of the built page; default: built by Vite where it is missing or old. */
  readonly page?: string;
  /** Another script for the threads that compute. For tests. */
  readonly workerScript?: URL;
}

export interface Studio {
  /** `http://127.0.0.1:5180/` */
  readonly url: string;
  /** Ends everything: connections, threads, training. */
  close(): Promise<void>;
}

/**
 * Starts the server of the studio: the page at `/`, the API below `/api`.
 *
 * @throws an error that says what to do where the port is taken
 */
export async function startStudio(options: StudioOptions = {}): Promise<Studio> {
  const { port = 5180, host = "127.0.0.1", maxBytes = 20e6, maxPixels = 50e6, allowedHosts = [] } = options;
  const page = resolve(options.page ?? (await webApp()));
  const pool = new WorkerPool({
    script: options.workerScript ?? scriptUrl("server/inference/worker"),
    workers: options.workers ?? 1,
    capacity: options.capacity ?? 64,
  });
  const runs = new Runs();
  const tasks = await installedSystems();
  const served = await Promise.all(tasks.map(async (task) => ({ task, schemas: await task.schemas() })));
  const catalog = new Catalog(tasks, pool, runs);
  const app = studioApp({
    served,
    catalog,
    pool,
    runs,
    page,
    maxBytes,
    maxPixels,
    allowedHosts: [host, ...allowedHosts],
  });
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  const address = await listen(server, port, host);
  const close = async () => {
    const closed = once(server, "close");
    server.close();
    server.closeIdleConnections();
    await Promise.all([pool.close(), runs.close()]);
    // Answers that say so are on their way; whoever listens to events hears the end of the connection.
    setTimeout(() => server.closeAllConnections(), 100);
    await closed;
  };
  return { url: `http://${shown(address)}:${address.port}/`, close: closeOnce(close) };
}

async function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(`port ${port} of ${host} is taken: is a studio running already? Choose another port`, {
      cause: error,
    });
  }
  return server.address() as AddressInfo;
}

/** Where a browser on this machine finds it. */
function shown({ address, family }: AddressInfo): string {
  if (address === "0.0.0.0" || address === "::") return "localhost";
  return family === "IPv6" ? `[${address}]` : address;
}

function closeOnce(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => (closing ??= close());
}
