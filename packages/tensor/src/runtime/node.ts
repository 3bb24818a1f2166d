/** Backend selection in Node. */
import type { Backend, BackendOptions } from "./backend.ts";

/**
 * Opens a backend: by default the direct binding to ONNX Runtime or, if that fails to load, `onnxruntime-node`
 * with a warning that says why. Options not given default to the environment: `TESSERA_BINDING=direct|node`,
 * `TESSERA_THREADS=<number>`.
 */
export async function openBackend(options: BackendOptions = {}): Promise<Backend> {
  const threads = options.threads ?? threadsFromEnvironment();
  const binding = options.binding ?? bindingFromEnvironment();
  const wanted = { ...options, ...(threads === undefined ? {} : { threads }) };
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads > 0))
    throw new Error(`threads: expected a positive integer, got ${threads}`);
  if (options.device === "wasm")
    return (await import("./ort-web.ts")).openWeb(await import("onnxruntime-web"), wanted);
  if (binding === "node") return (await import("./ort-node.ts")).openNode(wanted);
  try {
    return await (await import("./ort-direct.ts")).openDirect(wanted);
  } catch (error) {
    // Requested explicitly, or a device that the other binding lacks too.
    if (binding === "direct" || options.device === "webgpu") throw error;
    console.warn(
      `tessera: falling back to onnxruntime-node (results are copied, runs block the event loop), as ONNX Runtime cannot be called directly: ${(error as Error).message}`,
    );
    return (await import("./ort-node.ts")).openNode(wanted);
  }
}

function threadsFromEnvironment(): number | undefined {
  const text = process.env.TESSERA_THREADS;
  return text ? Number(text) : undefined;
}

function bindingFromEnvironment(): BackendOptions["binding"] {
  const text = process.env.TESSERA_BINDING || undefined;
  if (text === undefined || text === "direct" || text === "node") return text;
  throw new Error(`TESSERA_BINDING: expected "direct" or "node", got "${text}"`);
}
