import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { scratch } from "./scratch.ts";
import { TestServer } from "./server.ts";

export interface TestHub {
  /** In place of every host. */
  readonly server: TestServer;
  /** Of the current test, empty when it starts. */
  readonly cache: string;
}

/**
 * For the tests of a file: a server, and for each test a cache of its own.
 *
 * @param folders environment variables to set to folders in the cache, which need not exist
 */
export function testHub(folders: Readonly<Record<string, string>> = {}): TestHub {
  const server = new TestServer();
  let cache = "";
  beforeAll(() => server.listen());
  afterAll(() => server.close());
  beforeEach(async () => {
    cache = await scratch();
    vi.stubEnv("TESSERA_CACHE", cache);
    vi.stubEnv("TESSERA_HUB", server.origin);
    vi.stubEnv("TESSERA_OFFLINE", "");
    for (const [name, folder] of Object.entries(folders)) vi.stubEnv(name, join(cache, folder));
  });
  afterEach(() => {
    server.reset();
    vi.unstubAllEnvs();
  });
  return {
    server,
    get cache() {
      return cache;
    },
  };
}
