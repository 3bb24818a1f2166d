/**
 * The wire format of Protocol Buffers, as far as ONNX files need it. A general library reads the description of
 * all messages first and makes an object of each one that it writes: 0.07 s of the start of every program.
 */

/** How a field's value is written: with a length before it or by itself. */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

const text = new TextEncoder();

/** A message that is being written, field after field. Long values are not copied before `finish`. */
export class MessageWriter {
  private readonly parts: Uint8Array[] = [];
  /** What comes after `parts`. */
  private recent: number[] = [];
  private partsLength = 0;

  get length(): number {
    return this.partsLength + this.recent.length;
  }

  /** int64, int32, an enum. */
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

  /** Whole fields, as they are. */
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

  /** Seven bits a byte, the lowest first; what is negative has 64 bits. */
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

/** One field of a message that is read. */
export interface Field {
  readonly field: number;
  /** Of an integer; 0 for other kinds. */
  readonly int: bigint;
  /** Of a string, bytes, a message, packed numbers; empty for other kinds. */
  readonly bytes: Uint8Array;
  /** The field with its number and length. */
  readonly whole: Uint8Array;
}

/** The fields of a message, in their order. Throws where the bytes are no message. */
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
    else throw new Error(`not a model: a field of kind ${kind} at byte ${start}`);
    yield { field: Math.floor(tag / 8), int, bytes, whole: message.subarray(start, reader.at) };
  }
}

/** A repeated int64, from one of its fields: packed or a number alone. */
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
    throw new Error(`not a model: a number without an end at byte ${this.at}`);
  }

  take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.from.length)
      throw new Error(
        `not a model: ${length} bytes expected at byte ${this.at}, which ends at ${this.from.length}`,
      );
    const taken = this.from.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}
