/** A PostgreSQL server for one test file, in a temporary folder. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const DEBIAN = "/usr/lib/postgresql";

/** The folder with `initdb` and `pg_ctl`; undefined without PostgreSQL. */
export function postgresFolder(): string | undefined {
  const versions = existsSync(DEBIAN)
    ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, "bin"))
    : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...versions];
  return folders.find((folder) => ["initdb", "pg_ctl"].every((name) => existsSync(join(folder, name))));
}

export interface Postgres {
  readonly port: number;
  /** Of the superuser `tessera`. @param password other than the right one */
  url(password?: string, database?: string): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const PASSWORD = "right";

export async function startPostgres(bin: string): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), "tessera-postgres-"));
  const user = await serverUser();
  if (user) await chown(folder, user.uid, user.gid);
  const run = async (program: string, ...words: readonly string[]) =>
    await promisify(execFile)(join(bin, program), words, { cwd: folder, ...user });
  const [data, secret] = [join(folder, "data"), join(folder, "password")];
  await writeFile(secret, PASSWORD);
  if (user) await chown(secret, user.uid, user.gid);
  await run(
    "initdb",
    "-D",
    data,
    "-U",
    "tessera",
    "-A",
    "scram-sha-256",
    `--pwfile=${secret}`,
    "-E",
    "UTF8",
    "-N",
  );
  const port = await freePort();
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c fsync=off`;
  const server: Postgres = {
    port,
    url: (password = PASSWORD, database = "postgres") =>
      `postgres://tessera:${password}@127.0.0.1:${port}/${database}`,
    start: async () =>
      void (await run("pg_ctl", "-D", data, "-l", join(folder, "log"), "-w", "-o", settings, "start")),
    stop: async () => void (await run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")),
    remove: async () => {
      await server.stop().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** PostgreSQL refuses to run as root. */
async function serverUser(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const idOf = async (flag: string, name: string) =>
    Number((await promisify(execFile)("id", [flag, name])).stdout.trim());
  const of = async (name: string) => ({ uid: await idOf("-u", name), gid: await idOf("-g", name) });
  return await of("postgres").catch(() => of("nobody"));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { readonly port: number };
  await new Promise((done) => server.close(done));
  return port;
}
