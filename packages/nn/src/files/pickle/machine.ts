/**
 * Python pickles as data. A pickle is a program for a small stack machine. This machine implements all opcodes up to
 * protocol 5 but no Python: the only functions are those the host provides, which build plain values. Time and
 * memory are bounded by the length of the pickle.
 */
import { CheckpointError, locate, showName } from "../error.ts";
import { PickleReader, PickleTruncated } from "./reader.ts";
import {
  asText,
  type CallContext,
  PickleGlobal,
  type PickleHost,
  PickleObject,
  type PickleValue,
  Unfinished,
} from "./values.ts";

// A one-byte opcode can create a value of a hundred bytes, so the length alone is no bound.
const MAX_OPCODES = 2 ** 24;
const MAX_OBJECTS = 2 ** 21;

/**
 * Runs the pickle at `start`; returns its value and the offset of the next one.
 *
 * @throws CheckpointError if it is damaged or not allowed, PickleTruncated if more bytes are needed
 */
export function unpickle(
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  host: PickleHost,
): { value: PickleValue; end: number } {
  const reader = new PickleReader(bytes, start);
  const machine = new Machine(reader, host, bytes.byteLength);
  let opcodeAt = start;
  try {
    for (let count = 0; count < MAX_OPCODES; count++) {
      opcodeAt = reader.position;
      const opcode = reader.uint(1);
      if (opcode === 0x2e /* STOP */) return { value: machine.finish(), end: reader.position };
      machine.step(opcode);
    }
    throw new CheckpointError(`more than ${MAX_OPCODES} opcodes`);
  } catch (error) {
    if (error instanceof PickleTruncated) throw error;
    throw locate(`pickle, byte ${opcodeAt}`, error);
  }
}

class Machine {
  readonly #reader: PickleReader;
  readonly #host: PickleHost;
  readonly #context: CallContext;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo: PickleValue[] = [];
  #remembered = 0;
  #objects = 0;
  #unfinished = 0;

  constructor(reader: PickleReader, host: PickleHost, byteLength: number) {
    this.#reader = reader;
    this.#host = host;
    const stack = this.#stack;
    let copied = 0;
    this.#context = {
      get key() {
        return stack.slice(-8).findLast((value) => typeof value === "string") ?? "";
      },
      charge(count) {
        copied += count;
        // Legitimate files copy each of their bytes once.
        if (copied > byteLength) throw new CheckpointError("it copies the same data repeatedly");
      },
    };
  }

  finish(): PickleValue {
    if (this.#unfinished > 0) throw new CheckpointError("an array was created but never filled");
    return this.#pop();
  }

  step(opcode: number): void {
    const value = this.#reader.literal(opcode);
    if (value !== undefined) this.#stack.push(value);
    else if (!this.#container(opcode) && !this.#memory(opcode)) this.#object(opcode);
  }

  /** Lists, tuples, dicts and sets. */
  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        this.#push([]);
        return true;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.#push(Array.from({ length: opcode - 0x84 }, () => this.#pop()).reverse());
        return true;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        this.#push(this.#popMark());
        return true;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        return true;
      case 0x65: // APPENDS
        this.#append(this.#popMark());
        return true;
      case 0x7d: // EMPTY_DICT
        this.#push(new Map());
        return true;
      case 0x64: {
        // DICT
        const items = this.#popMark();
        this.#push(new Map());
        this.#setItems(items);
        return true;
      }
      case 0x73: // SETITEM
        this.#setItems([this.#pop(), this.#pop()].reverse());
        return true;
      case 0x75: // SETITEMS
        this.#setItems(this.#popMark());
        return true;
      case 0x8f: // EMPTY_SET
        this.#push(new Set());
        return true;
      case 0x91: // FROZENSET
        this.#push(new Set(this.#popMark()));
        return true;
      case 0x90: // ADDITEMS
        this.#addItems(this.#popMark());
        return true;
      default:
        return false;
    }
  }

  /** The stack and the memo. */
  #memory(opcode: number): boolean {
    switch (opcode) {
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return true;
      case 0x30: // POP
        if (this.#stack.length === this.#marks.at(-1)) this.#marks.pop();
        else this.#pop();
        return true;
      case 0x31: // POP_MARK
        this.#popMark();
        return true;
      case 0x32: // DUP
        this.#stack.push(this.#top());
        return true;
      case 0x70: // PUT
        this.#put(Number(this.#reader.line()));
        return true;
      case 0x71: // BINPUT
        this.#put(this.#reader.uint(1));
        return true;
      case 0x72: // LONG_BINPUT
        this.#put(this.#reader.uint(4));
        return true;
      case 0x94: // MEMOIZE
        this.#put(this.#remembered);
        return true;
      case 0x67: // GET
        this.#get(Number(this.#reader.line()));
        return true;
      case 0x68: // BINGET
        this.#get(this.#reader.uint(1));
        return true;
      case 0x6a: // LONG_BINGET
        this.#get(this.#reader.uint(4));
        return true;
      default:
        return false;
    }
  }

  /** Opcodes that would run code in Python, and the remaining ones. */
  #object(opcode: number): void {
    switch (opcode) {
      case 0x80: {
        // PROTO
        const protocol = this.#reader.uint(1);
        if (protocol > 5)
          throw new CheckpointError(`unsupported protocol ${protocol}, at most 5 is supported`);
        break;
      }
      case 0x95: // FRAME: a hint for buffered reading
        this.#reader.length8();
        break;
      case 0x63: {
        // GLOBAL
        const module = this.#reader.line();
        this.#push(this.#global(module, this.#reader.line()));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = asText(this.#pop());
        this.#push(this.#global(asText(this.#pop()), name));
        break;
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = this.#pop();
        this.#call(this.#pop(), args);
        break;
      }
      case 0x92: {
        // NEWOBJ_EX
        const keywords = this.#pop();
        const args = this.#pop();
        const callee = this.#pop();
        const opaque = callee instanceof PickleGlobal && callee.opaque;
        if (!opaque && !(keywords instanceof Map && keywords.size === 0))
          throw new CheckpointError("an object constructed with keyword arguments");
        this.#call(callee, opaque ? [args, keywords] : args);
        break;
      }
      case 0x69: {
        // INST
        const module = this.#reader.line();
        const callee = this.#global(module, this.#reader.line());
        this.#call(callee, this.#popMark());
        break;
      }
      case 0x6f: {
        // OBJ
        const [callee = null, ...args] = this.#popMark();
        this.#call(callee, args);
        break;
      }
      case 0x62: // BUILD
        this.#build(this.#pop());
        break;
      case 0x50: // PERSID
        this.#push(this.#host.persistent(this.#reader.line(), this.#context));
        break;
      case 0x51: // BINPERSID
        this.#push(this.#host.persistent(this.#pop(), this.#context));
        break;
      case 0x82:
      case 0x83:
      case 0x84:
        throw new CheckpointError("an extension code (EXT), whose registry is not in the file");
      case 0x97:
      case 0x98:
        throw new CheckpointError("an out-of-band buffer, which is not in the file");
      default:
        throw new CheckpointError(`0x${opcode.toString(16).padStart(2, "0")} is not an opcode`);
    }
  }

  #push(value: PickleValue): void {
    if (++this.#objects > MAX_OBJECTS) throw new CheckpointError(`more than ${MAX_OBJECTS} objects`);
    this.#stack.push(value);
  }

  #top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw new CheckpointError("the stack is empty");
    return this.#stack.at(-1) as PickleValue;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new CheckpointError("no mark on the stack");
    return this.#stack.splice(mark);
  }

  #put(index: number): void {
    // Python numbers memoized objects from zero.
    if (!(index >= 0 && index < MAX_OBJECTS))
      throw new CheckpointError(`more than ${MAX_OBJECTS} memoized objects`);
    if (this.#memo[index] === undefined) this.#remembered++;
    this.#memo[index] = this.#top();
  }

  #get(index: number): void {
    const value = this.#memo[index];
    if (value === undefined) throw new CheckpointError(`object ${index} is not in the memo`);
    this.#stack.push(value instanceof Unfinished && value.value !== undefined ? value.value : value);
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    const target = list instanceof PickleObject ? list.items : list;
    if (!Array.isArray(target)) throw new CheckpointError("APPEND to something that is not a list");
    for (const item of items) target.push(item);
  }

  #setItems(items: PickleValue[]): void {
    const dict = this.#top();
    const target = dict instanceof PickleObject ? dict.entries : dict;
    if (!(target instanceof Map) || items.length % 2 !== 0)
      throw new CheckpointError("SETITEM on something that is not a dict, or a key without a value");
    for (let i = 0; i < items.length; i += 2)
      target.set(items[i] as PickleValue, items[i + 1] as PickleValue);
  }

  #addItems(items: PickleValue[]): void {
    const set = this.#top();
    if (set instanceof PickleObject) this.#append(items);
    else if (set instanceof Set) for (const item of items) set.add(item);
    else throw new CheckpointError("ADDITEMS to something that is not a set");
  }

  #global(module: string, name: string): PickleValue {
    return this.#host.global(`${PYTHON_2_MODULES.get(module) ?? module}.${name}`);
  }

  #call(callee: PickleValue, args: PickleValue): void {
    // A method or partial function, itself the result of a call.
    if (callee instanceof PickleObject && Array.isArray(args)) {
      this.#push(new PickleObject(callee.className, args));
      return;
    }
    if (!(callee instanceof PickleGlobal) || callee.call === undefined)
      throw new CheckpointError(
        `a call of ${callee instanceof PickleGlobal ? callee.name : "something that is not a function"}`,
      );
    if (!Array.isArray(args))
      throw new CheckpointError(`a call of ${callee.name} without a tuple of arguments`);
    const { key } = this.#context;
    try {
      const result = callee.call(args, this.#context);
      if (result instanceof Unfinished && result.value === undefined) this.#unfinished++;
      this.#push(result);
    } catch (error) {
      throw key === "" ? error : locate(showName(key), error);
    }
  }

  #build(state: PickleValue): void {
    const target = this.#top();
    if (target instanceof PickleObject) target.state = state;
    else if (target instanceof Unfinished) {
      if (target.value === undefined) this.#unfinished--;
      target.value = target.build(state, this.#context);
      this.#stack[this.#stack.length - 1] = target.value;
    } else if (!(target instanceof Map || (target instanceof PickleGlobal && target.opaque)))
      // Attributes of a dict (`_metadata` of a state dict) are not entries, and are dropped.
      throw new CheckpointError("BUILD on something without attributes");
  }
}

const PYTHON_2_MODULES = new Map([
  ["__builtin__", "builtins"],
  ["copy_reg", "copyreg"],
]);
