/** The values of a pickle, and the interface to the functions it names. */
import { CheckpointError } from "../error.ts";
import type { StoredTensor } from "../stored.ts";
import { MAX_RANK } from "../strided.ts";

/**
 * Lists and tuples are arrays, dicts of any kind are maps, bytes are byte arrays, integers beyond 2^53 are
 * bigints, dtypes (`torch.float32`) and devices are strings; the rest are objects of the host.
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

/** An object of a class the host does not know, as an inert record of its description in the file. */
export class PickleObject {
  /** `module.Class` */
  readonly className: string;
  /** The arguments of its constructor; with keyword arguments, the positional ones and then these. */
  readonly args: readonly PickleValue[];
  /** Its attributes, usually a map. */
  state: PickleValue = null;
  // A file can have millions of objects, few of which have any of these.
  #items: PickleValue[] | undefined;
  #entries: Map<PickleValue, PickleValue> | undefined;

  constructor(className: string, args: readonly PickleValue[]) {
    this.className = className;
    this.args = args;
  }

  /** The items that would be appended to it. */
  get items(): PickleValue[] {
    this.#items ??= [];
    return this.#items;
  }
  /** The entries that would be set in it. */
  get entries(): Map<PickleValue, PickleValue> {
    this.#entries ??= new Map();
    return this.#entries;
  }
}

/** The context of a call, for error messages and for the accounting of the machine. */
export interface CallContext {
  /** The likely dict key of the result: the nearest string on the stack. */
  readonly key: string;
  /** Accounts for copying `count` items or bytes. @throws CheckpointError if all copies together exceed the pickle */
  charge(count: number): void;
}

export type PickleCall = (args: readonly PickleValue[], context: CallContext) => PickleValue;

/** A class or function named in the file. Without `call`, it is only a name. */
export class PickleGlobal {
  readonly name: string;
  readonly call: PickleCall | undefined;
  /** Whether it is unknown; calls then return a record of themselves. */
  readonly opaque: boolean;

  constructor(name: string, call?: PickleCall, opaque = false) {
    this.name = name;
    this.call = call;
    this.opaque = opaque;
  }
}

/** The result of a call whose content follows with BUILD. */
export abstract class Unfinished {
  /** The finished value, once it is built. */
  value: PickleValue | undefined;
  abstract build(state: PickleValue, context: CallContext): PickleValue;
}

export interface PickleHost {
  /** The class or function `module.name`. @throws CheckpointError if it is not allowed */
  global(name: string): PickleValue;
  /** The value outside the pickle that the persistent id refers to. */
  persistent(id: PickleValue, context: CallContext): PickleValue;
}

export function asArray(value: PickleValue): PickleValue[] {
  if (!Array.isArray(value)) throw new CheckpointError("expected a list");
  return value;
}

/** A shape or strides; copied, because the pickle may change the list later. */
export function asDims(value: PickleValue | undefined): number[] {
  if (!Array.isArray(value) || value.length > MAX_RANK || !value.every((item) => typeof item === "number"))
    throw new CheckpointError("expected a short tuple of integers as shape or stride");
  return value.slice();
}

// Do not use String(), which walks nested lists: with shared parts, this could take practically forever.
export function asText(value: PickleValue): string {
  if (typeof value !== "string") throw new CheckpointError("expected a string");
  return value;
}

/** Converts Python integers to numbers if that is exact. */
export function narrowInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
