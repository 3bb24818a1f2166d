/** A script of this package for a thread or process of its own: TypeScript here, JavaScript in the published form. */
export function scriptBeside(name: string, moduleUrl: string): URL {
  return new URL(`./${name}${moduleUrl.endsWith(".ts") ? ".ts" : ".js"}`, moduleUrl);
}
