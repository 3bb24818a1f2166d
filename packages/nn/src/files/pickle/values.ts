/** What comes out of a pickle, and what the functions inside of it expect. */
import { CheckpointError } from "../error.ts";
import type { StoredTensor } from "../stored.ts";
import { MAX_RANK } from "../strided.ts";

/**
 * Lists and tuples as arrays, dicts of every kind as maps, bytes as byte arrays, integers beyond 2^53 as
 * bigint, element types (`torch.float32`) and devices as text; the rest are objects of the host.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array<ArrayBuffer>
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | StoredTensor
  | PickleObject
  | PickleGlobal
  | Unfinished;

/** An object of a class that is not on the host's list, kept as the record that the file holds of it. */
export class PickleObject {
  /** `module.Class` */
  readonly className: string;
  /** What its constructor would be called with; with keywords, positional arguments and then these. */
  readonly args: readonly PickleValue[];
  /** Its attributes, usually a map. */
  state: PickleValue = null;
  // A file can have millions of objects, of which few have any of these.
  #items: PickleValue[] | undefined;
  #entries: Map<PickleValue, PickleValue> | undefined;

  constructor(className: string, args: readonly PickleValue[]) {
    this.className = className;
    this.args = args;
  }

  /** What would be appended to it. */
  get items(): PickleValue[] {
    this.#items ??= [];
    return this.#items;
  }
  /** What would be set in it by key. */
  get entries(): Map<PickleValue, PickleValue> {
    this.#entries ??= new Map();
    return this.#entries;
  }
}

/** The place of a call, for messages and for the accounts of the machine. */
export interface CallContext {
  /** The dict key that the result will probably get: the nearest string on the stack. */
  readonly key: string;
  /** Announces that the call copies `count` items or bytes. @throws CheckpointError when all copies together exceed the pickle */
  charge(count: number): void;
}

export type PickleCall = (args: readonly PickleValue[], context: CallContext) => PickleValue;

/** A class or function that the file names. Without `call` it is only a name. */
export class PickleGlobal {
  readonly name: string;
  readonly call: PickleCall | undefined;
  /** Whether it is of no known meaning: calls give a record of themselves. */
  readonly opaque: boolean;

  constructor(name: string, call?: PickleCall, opaque = false) {
    this.name = name;
    this.call = call;
    this.opaque = opaque;
  }
}

/** What a call gives when the content follows with BUILD. */
export abstract class Unfinished {
  /** The finished value, once it was built. */
  value: PickleValue | undefined;
  abstract build(state: PickleValue, context: CallContext): PickleValue;
}

export interface PickleHost {
  /** The class or function `module.name`. @throws CheckpointError where it is not allowed */
  global(name: string): PickleValue;
  /** The value outside of the pickle that the id stands for. */
  persistent(id: PickleValue, context: CallContext): PickleValue;
}

export function asArray(value: PickleValue): PickleValue[] {
  if (!Array.isArray(value)) throw new CheckpointError("a list was expected");
  return value;
}

/** A shape or strides; a copy, as the pickle may go on changing the list. */
export function asDims(value: PickleValue | undefined): number[] {
  if (!Array.isArray(value) || value.length > MAX_RANK || !value.every((item) => typeof item === "number"))
    throw new CheckpointError("a shape or stride that is no short tuple of integers");
  return value.slice();
}

// String() would walk nested lists, and these can share their parts: without end, in effect.
export function asText(value: PickleValue): string {
  if (typeof value !== "string") throw new CheckpointError("a text was expected");
  return value;
}

/** Python integers as numbers where these are exact. */
export function narrowInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
