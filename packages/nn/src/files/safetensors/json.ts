/** Strict parser for the flat JSON of safetensors files, which are not trusted. */
import { CheckpointError, showName } from "../error.ts";

// Without a limit, a header of 100 MB could take many times as much memory as objects.
const MAX_KEYS = 2 ** 21;

/**
 * Parses an object of objects whose arrays contain no further containers. Unlike `JSON.parse`, rejects duplicate
 * keys (where the last would win) and anything nested deeper than a header.
 */
export function parseFlatJson(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CheckpointError("not valid UTF-8");
  }
  checkStructure(text);
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CheckpointError("not an object");
  return value as Record<string, unknown>;
}

/** Looks only at strings, brackets and colons; `JSON.parse` checks the rest. */
function checkStructure(text: string): void {
  // The keys of each open object; `undefined` for an array.
  const open: (Set<string> | undefined)[] = [];
  let lastString = "";
  let keys = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
      lastString = text.slice(start, i + 1);
    } else if (char === "{" || char === "[") {
      if (open.length > 2 || (open.length > 0 && open.at(-1) === undefined))
        throw new CheckpointError(`nested too deep at character ${i}`);
      open.push(char === "{" ? new Set() : undefined);
    } else if (char === "}" || char === "]") open.pop();
    else if (char === ":") {
      const key: unknown = lastString.includes("\\") ? JSON.parse(lastString) : lastString.slice(1, -1);
      const siblings = open.at(-1);
      if (siblings?.has(String(key)))
        throw new CheckpointError(`the key ${showName(String(key))} appears twice`);
      siblings?.add(String(key));
      if (++keys > MAX_KEYS) throw new CheckpointError(`more than ${MAX_KEYS} keys`);
    }
  }
}
