/** Published manifests; `npm run test:published` tests the packages themselves. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { entriesOf, publishedManifest } from "./manifest.ts";
import { root } from "./run.ts";

const packages = join(root, "packages");

describe.for(readdirSync(packages))("%s", (name) => {
  const text = readFileSync(join(packages, name, "package.json"), "utf8");
  const published = publishedManifest(text);

  test("is public and points to JavaScript", () => {
    expect(published).toMatchObject({ name: `@tessera-ml/${name}`, publishConfig: { access: "public" } });
    expect(published).not.toHaveProperty("private");
    expect(published).not.toHaveProperty("devDependencies");
    expect(JSON.stringify(published)).not.toMatch(/src\/|\.ts"/);
  });

  test("points to modules that exist", () => {
    const entries = entriesOf(text);
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries)
      expect(existsSync(join(packages, name, "src", `${entry}.ts`)), entry).toBe(true);
    for (const entry of entries) expect(JSON.stringify(published)).toContain(`"./${entry}.js"`);
  });

  test("depends on exactly what its modules import", () => {
    const folder = join(packages, name, "src");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      // The studio's page is published pre-built, so neither its imports nor its build tools are dependencies.
      (file) => file.endsWith(".ts") && !file.startsWith("app") && file !== join("server", "web.ts"),
    );
    const imported = new Set<string>();
    for (const file of files)
      for (const [, id] of readFileSync(join(folder, file), "utf8").matchAll(
        /(?:from|import|import\() ?"((?:@[\w.-]+\/)?[\w.-]+)/g,
      ))
        if (id && !id.startsWith(".") && !id.startsWith("node") && id !== published.name) imported.add(id);
    const needed = Object.keys(published.dependencies);
    expect([...imported].sort()).toEqual(needed.sort());
  });
});
