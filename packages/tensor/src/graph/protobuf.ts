/**
 * The Protocol Buffers wire format, as far as ONNX files need it. A general library first parses the schema and
 * builds an object per message, which adds 0.07 s to the startup of every program.
 */

/** Wire types. */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

const text = new TextEncoder();

/** Writes a message field by field. Long values are not copied before `finish`. */
export class MessageWriter {
  private readonly parts: Uint8Array[] = [];
  /** The bytes after `parts`. */
  private recent: number[] = [];
  private partsLength = 0;

  get length(): number {
    return this.partsLength + this.recent.length;
  }

  /** An int64, int32 or enum. */
  int(field: number, value: number | bigint): this {
    this.varint(field * 8 + VARINT);
    this.varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.varint(field * 8 + FIXED32);
    return this.floatBytes(value);
  }

  string(field: number, value: string): this {
    const bytes = text.encode(value);
    this.head(field, bytes.length);
    for (const byte of bytes) this.recent.push(byte);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.head(field, value.length);
    return this.append(value);
  }

  message(field: number, { length, parts, recent }: MessageWriter): this {
    this.head(field, length);
    for (const part of parts) this.append(part);
    for (const byte of recent) this.recent.push(byte);
    return this;
  }

  /** A repeated int64, packed. */
  ints(field: number, values: readonly number[]): this {
    const packed = new MessageWriter();
    for (const value of values) packed.varint(value);
    return this.message(field, packed);
  }

  /** A repeated float, packed. */
  floats(field: number, values: readonly number[]): this {
    this.head(field, 4 * values.length);
    for (const value of values) this.floatBytes(value);
    return this;
  }

  /** Already encoded fields. */
  append(fields: Uint8Array): this {
    this.flush();
    this.parts.push(fields);
    this.partsLength += fields.length;
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.flush();
    const all = new Uint8Array(this.partsLength);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  private head(field: number, length: number): void {
    this.varint(field * 8 + BYTES);
    this.varint(length);
  }

  /** Seven bits per byte, lowest first; a negative number takes 64 bits. */
  private varint(value: number | bigint): void {
    if (typeof value === "bigint" || value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 0x7fn; rest >>= 7n) this.recent.push(Number(rest & 0x7fn) | 0x80);
      this.recent.push(Number(rest));
      return;
    }
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.recent.push((rest % 128) | 0x80);
    this.recent.push(rest);
  }

  private floatBytes(value: number): this {
    this.recent.push(...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  private flush(): void {
    if (this.recent.length === 0) return;
    this.parts.push(new Uint8Array(this.recent));
    this.partsLength += this.recent.length;
    this.recent = [];
  }
}

/** A field of a parsed message. */
export interface Field {
  readonly field: number;
  /** The value of an integer field; 0 for other wire types. */
  readonly int: bigint;
  /** The content of a string, bytes, message or packed field; empty for other wire types. */
  readonly bytes: Uint8Array;
  /** The entire field, with its tag and length. */
  readonly whole: Uint8Array;
}

/** The fields of a message, in order. Throws if the bytes are not a valid message. */
export function* readFields(message: Uint8Array): Generator<Field> {
  const reader = new Reader(message);
  const none = message.subarray(0, 0);
  while (reader.at < message.length) {
    const start = reader.at;
    const tag = Number(reader.varint());
    const kind = tag % 8;
    let int = 0n;
    let bytes = none;
    if (kind === VARINT) int = reader.varint();
    else if (kind === BYTES) bytes = reader.take(Number(reader.varint()));
    else if (kind === FIXED32) reader.take(4);
    else if (kind === FIXED64) reader.take(8);
    else throw new Error(`not a model: a field of unknown wire type ${kind} at byte ${start}`);
    yield { field: Math.floor(tag / 8), int, bytes, whole: message.subarray(start, reader.at) };
  }
}

/** The values of one field of a repeated int64, packed or not. */
export function readInts({ int, bytes, whole }: Field): bigint[] {
  if ((whole[0] as number) % 8 !== BYTES) return [BigInt.asIntN(64, int)];
  const reader = new Reader(bytes);
  const values: bigint[] = [];
  while (reader.at < bytes.length) values.push(BigInt.asIntN(64, reader.varint()));
  return values;
}

class Reader {
  at = 0;
  private readonly from: Uint8Array;

  constructor(from: Uint8Array) {
    this.from = from;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error(`not a model: an unterminated number at byte ${this.at}`);
  }

  take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.from.length)
      throw new Error(
        `not a model: expected ${length} bytes at byte ${this.at}, but the data ends at ${this.from.length}`,
      );
    const taken = this.from.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}
