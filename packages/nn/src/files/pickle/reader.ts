/** Reading the literals of a pickle: numbers, strings and bytes. Opcodes: CPython, Lib/pickletools.py. */
import { CheckpointError, showName } from "../error.ts";
import { narrowInteger, type PickleValue } from "./values.ts";

/** The bytes end before the pickle does. */
export class PickleTruncated extends CheckpointError {
  constructor() {
    super("truncated: the bytes end within the pickle");
  }
}

const MAX_INTEGER_BYTES = 1024;

export class PickleReader {
  position: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(bytes: Uint8Array<ArrayBuffer>, start: number) {
    this.position = start;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The value pushed by a literal opcode (constant, number, string or bytes); `undefined` for all others. */
  literal(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4b: // BININT1
        return this.uint(1);
      case 0x4d: // BININT2
        return this.uint(2);
      case 0x4a: // BININT
        return this.uint(4) | 0;
      case 0x8a: // LONG1
        return this.#long(this.uint(1));
      case 0x8b: // LONG4
        return this.#long(this.uint(4));
      case 0x47: // BINFLOAT
        return this.#view.getFloat64(this.#take(8));
      case 0x49: // INT
      case 0x4c: // LONG
        return parseInteger(this.line());
      case 0x46: // FLOAT
        return parseFloatText(this.line());
      case 0x8c: // SHORT_BINUNICODE
        return this.#utf8(this.uint(1));
      case 0x58: // BINUNICODE
        return this.#utf8(this.uint(4));
      case 0x8d: // BINUNICODE8
        return this.#utf8(this.length8());
      // Python 2 strings are decoded as Latin-1, which preserves every byte.
      case 0x55: // SHORT_BINSTRING
        return latin1(this.#slice(this.uint(1)));
      case 0x54: // BINSTRING
        return latin1(this.#slice(this.uint(4)));
      case 0x53: // STRING
        return unquote(this.line());
      case 0x56: // UNICODE
        return unescapeText(this.line(), true);
      case 0x43: // SHORT_BINBYTES
        return this.#slice(this.uint(1));
      case 0x42: // BINBYTES
        return this.#slice(this.uint(4));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#slice(this.length8());
      default:
        return undefined;
    }
  }

  uint(size: 1 | 2 | 4): number {
    const at = this.#take(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** An 8-byte length. */
  length8(): number {
    const length = this.#view.getBigUint64(this.#take(8), true);
    if (length > 2 ** 40) throw new CheckpointError(`a length of ${length} bytes`);
    return Number(length);
  }

  /** Reads up to the next line feed, which is skipped. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw new PickleTruncated();
    return latin1(this.#slice(end + 1 - this.position).subarray(0, -1));
  }

  /** Advances by `count` bytes and returns their offset. */
  #take(count: number): number {
    const at = this.position;
    if (count > this.#bytes.byteLength - at) throw new PickleTruncated();
    this.position = at + count;
    return at;
  }

  #slice(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  #utf8(length: number): string {
    const bytes = this.#slice(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new CheckpointError("a string that is not valid UTF-8");
    }
  }

  /** A signed integer of `length` bytes, little-endian. */
  #long(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw new CheckpointError(`an integer of ${length} bytes`);
    const hex = [...this.#slice(length)].reverse().map((byte) => byte.toString(16).padStart(2, "0"));
    return narrowInteger(BigInt.asIntN(8 * length, BigInt(`0x0${hex.join("")}`)));
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Parses the decimal notation of INT and LONG: `12`, `-3L`, `01` for true. */
function parseInteger(text: string): number | bigint | boolean {
  if (text === "00" || text === "01") return text === "01";
  if (!/^\s*-?\d{1,2000}L?\s*$/.test(text)) throw new CheckpointError(`${showName(text)} is not an integer`);
  return narrowInteger(BigInt(text.replace("L", "").trim()));
}

function parseFloatText(text: string): number {
  const word = text.trim();
  if (/^[+-]?inf$/.test(word)) return word.startsWith("-") ? -Infinity : Infinity;
  if (word === "nan") return NaN;
  if (!/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(word))
    throw new CheckpointError(`${showName(text)} is not a number`);
  return Number(word);
}

function unquote(text: string): string {
  const match = /^\s*(['"])(.*)\1\s*$/s.exec(text);
  if (match === null) throw new CheckpointError("a string without quotes");
  return unescapeText(match[2] as string, false);
}

const ESCAPES = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["v", "\v"],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
]);

/** Resolves Python escapes: all of them in a quoted string, only `\u` and `\U` in raw text. */
function unescapeText(text: string, raw: boolean): string {
  const pattern = raw
    ? /\\(?:u([0-9a-fA-F]{4})|U00([01][0-9a-fA-F]{5}))/g
    : /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/gs;
  return text.replace(pattern, (all: string, hex?: string, second?: string, char?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (raw) {
      const point = Number.parseInt(second as string, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : all;
    }
    if (second !== undefined) return String.fromCharCode(Number.parseInt(second, 8) & 0xff);
    return ESCAPES.get(char as string) ?? all;
  });
}

/** Decodes bytes as Latin-1. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
