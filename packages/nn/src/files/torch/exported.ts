/** The weights in files of `torch.export.save` (`.pt2`): torch/export/pt2_archive, torch/_export/serde/schema.py. */
import { swapped } from "../byte-order.ts";
import { CheckpointError, locate, showList, showName } from "../error.ts";
import type { ByteSource } from "../sources/source.ts";
import type { ZipEntry } from "../sources/zip.ts";
import { StoredTensor } from "../stored.ts";
import type { StoredDType } from "../stored-dtype.ts";
import { stridedReader } from "../strided.ts";
import type { FoundStateDict } from "./state-dict.ts";

/** `ScalarType` of the schema. */
const DTYPES = new Map<unknown, StoredDType>([
  [1, "U8"],
  [2, "I8"],
  [3, "I16"],
  [4, "I32"],
  [5, "I64"],
  [6, "F16"],
  [7, "F32"],
  [8, "F64"],
  [10, "C64"],
  [11, "C128"],
  [12, "BOOL"],
  [13, "BF16"],
  [28, "U16"],
  [29, "F8_E4M3"],
  [30, "F8_E5M2"],
  [31, "F8_E4M3FNUZ"],
  [32, "F8_E5M2FNUZ"],
  [33, "F8_E8M0"],
  [34, "U32"],
  [35, "U64"],
]);
const MAX_CONFIG = 2 ** 28;
const CONFIG = "_weights_config.json";

type Entries = ReadonlyMap<string, ZipEntry>;

/** The root folder in an archive of PyTorch 2.8 or later; undefined for other archives. */
export function exportedRoot(entries: Entries): string | undefined {
  const marker = entries.keys().find((name) => /^([^/]+\/)?archive_format$/.test(name));
  return marker?.slice(0, -"archive_format".length);
}

/** The state dict of a program before PyTorch 2.8: a `torch.save` file inside the archive. */
export const OLD_STATE_DICT = "serialized_state_dict.pt";

/**
 * Reads the weights of the only model, or of the model `section`. Constants and graphs are ignored.
 *
 * @throws CheckpointError if there are no weights, several models but no section, or damaged metadata
 */
export async function readExported(
  source: ByteSource,
  entries: Entries,
  root: string,
  section?: string,
): Promise<FoundStateDict> {
  const folder = `${root}data/weights/`;
  const models = [...entries.keys()]
    .filter((name) => name.startsWith(folder) && name.endsWith(CONFIG))
    .map((name) => name.slice(folder.length, -CONFIG.length));
  const [first, ...others] = section === undefined ? models : models.filter((name) => name === section);
  if (first === undefined) {
    const known = models.length > 0 ? `its models are ${showList(models, 8)}` : "it has none";
    throw new CheckpointError(`${source.name}: a .pt2 archive without readable weights: ${known}`);
  }
  if (others.length > 0)
    throw new CheckpointError(
      `${source.name}: several sections have tensors: ${showList(models, 8)}. Choose one with section (--section)`,
    );
  const bigEndian = (await readText(entries.get(`${root}byteorder`), 16)) === "big";
  const config = entries.get(`${folder}${first}${CONFIG}`) as ZipEntry;
  try {
    const tensors = new Map<string, StoredTensor>();
    const leftOut: string[] = [];
    for (const [name, payload] of parseConfig(await readText(config, MAX_CONFIG))) {
      // A pickled tensor subclass.
      if (payload.use_pickle === true) leftOut.push(name);
      else
        tensors.set(name, weight(name, payload, entries.get(folder + String(payload.path_name)), bigEndian));
    }
    return {
      tensors,
      section: models.length > 1 ? first : "",
      otherSections: models.filter((name) => name !== first),
      leftOut,
    };
  } catch (error) {
    throw locate(`${source.name}: ${showName(config.name)}`, error);
  }
}

async function readText(entry: ZipEntry | undefined, limit: number): Promise<string> {
  if (entry === undefined) return "";
  if (entry.size > limit) throw new CheckpointError(`${showName(entry.name)} has ${entry.size} bytes`);
  return new TextDecoder().decode(await entry.read(0, entry.size));
}

type Json = Readonly<Record<string, unknown>>;

function asObject(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw new CheckpointError("expected an object");
  return value as Json;
}

function parseConfig(text: string): [string, Json][] {
  const { config } = asObject(JSON.parse(text));
  return Object.entries(asObject(config)).map(([name, payload]) => [name, asObject(payload)]);
}

function weight(name: string, payload: Json, entry: ZipEntry | undefined, bigEndian: boolean): StoredTensor {
  try {
    const meta = asObject(payload.tensor_meta);
    const dtype = DTYPES.get(meta.dtype);
    if (dtype === undefined) throw new CheckpointError(`unsupported element type ${String(meta.dtype)}`);
    if (entry === undefined) throw new CheckpointError(`${showName(String(payload.path_name))} is missing`);
    const shape = integers(meta.sizes);
    const [offset = 0] = integers([meta.storage_offset]);
    const view = { dtype, shape, strides: integers(meta.strides), offset };
    const read = bigEndian ? swapped(dtype, entry.read) : entry.read;
    return new StoredTensor({ name, dtype, shape, readBytes: stridedReader(view, read, entry.size) });
  } catch (error) {
    throw locate(showName(name), error);
  }
}

/** Parses `[{"as_int": 3}, …]`; symbolic sizes cannot be those of a weight. */
function integers(value: unknown): number[] {
  if (!Array.isArray(value)) throw new CheckpointError("expected a list of sizes");
  return value.map((item: unknown) => {
    const { as_int } = asObject(item);
    if (typeof as_int !== "number") throw new CheckpointError("expected a number as size");
    return as_int;
  });
}
