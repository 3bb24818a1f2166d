/** Converts the manifest of a source package to the published one. */

/** Dependencies and build tools of the studio's page, which is published pre-built. */
const ONLY_FOR_THE_PAGE: readonly string[] = ["vite", "preact", "@preact/signals", "three"];

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: true;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The modules in `exports` and `imports`, as paths in `src` and in the published package: `runtime/node`. */
export function entriesOf(manifest: string): string[] {
  return [...manifest.matchAll(/"\.\/src\/(.*)\.ts"/g)].map(([, entry]) => entry as string);
}

/** @param manifest the JSON of a source package, which points to TypeScript in `src` */
export function publishedManifest(manifest: string): Manifest {
  const source: Manifest = JSON.parse(manifest.replaceAll(/"\.\/src\/(.*)\.ts"/g, '"./$1.js"'));
  const { private: _private, devDependencies: _forDevelopment, dependencies, ...kept } = source;
  const left = kept.name === "@tessera-ml/studio" ? ONLY_FOR_THE_PAGE : [];
  const needed = Object.entries(dependencies).filter(([name]) => !left.includes(name));
  return { ...kept, dependencies: Object.fromEntries(needed), ...{ publishConfig: { access: "public" } } };
}
