/** Starting and closing the studio's server. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { installedSystems } from "@tessera-ml/tessera/installed";
import { studioApp } from "./app.ts";
import { scriptUrl } from "./beside.ts";
import { CheckpointList } from "./checkpoint-list.ts";
import { WorkerPool } from "./inference/pool.ts";
import { Runs } from "./training/runs.ts";
import { webApp } from "./web.ts";

export interface StudioOptions {
  /** Default 5180; 0 picks a free one. */
  readonly port?: number;
  /** Default 127.0.0.1, reachable from this machine only. */
  readonly host?: string;
  /** Further host names under which browsers may reach it, such as a reverse proxy's. */
  readonly allowedHosts?: readonly string[];
  /** Largest request body in bytes, default 20 MB. */
  readonly maxBytes?: number;
  /** Largest picture in pixels, default 50 million. */
  readonly maxPixels?: number;
  /** Requests queued or in progress before further ones are rejected, default 64. */
  readonly capacity?: number;
  /** Worker threads, default 1: one network at a time, on all cores. */
  readonly workers?: number;
  /** The folder of the built page; by default Vite builds it if it is missing or out of date. */
  readonly page?: string;
  /** Another script for the worker threads, for tests. */
  readonly workerScript?: URL;
}

export interface Studio {
  /** `http://127.0.0.1:5180/` */
  readonly url: string;
  /** Closes connections and stops workers and training. */
  close(): Promise<void>;
}

/**
 * Starts the server: the page at `/`, the API under `/api`.
 *
 * @throws Error if the port is in use, saying what to do
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
  const checkpoints = new CheckpointList(tasks, pool, runs);
  const app = studioApp({
    served,
    checkpoints,
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
    // Gives error responses time to arrive, then ends event streams.
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
    throw new Error(`port ${port} of ${host} is in use: is a studio running already? Choose another port`, {
      cause: error,
    });
  }
  return server.address() as AddressInfo;
}

/** The host under which a browser on this machine finds the server. */
function shown({ address, family }: AddressInfo): string {
  if (address === "0.0.0.0" || address === "::") return "localhost";
  return family === "IPv6" ? `[${address}]` : address;
}

function closeOnce(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => (closing ??= close());
}
