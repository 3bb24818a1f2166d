/** Arrays in GPU memory, for WebGPU in the browser. */
import { byteSize, type DType, type TypedArray, viewArray } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { DeviceArray } from "./backend.ts";
import { describe } from "./checks.ts";

/** The parts of WebGPU's `GPUDevice` and `GPUBuffer` used here. */
export interface GpuDevice {
  createBuffer(options: { size: number; usage: number; mappedAtCreation?: boolean }): GpuBuffer;
  createCommandEncoder(): {
    copyBufferToBuffer(
      from: GpuBuffer,
      fromOffset: number,
      to: GpuBuffer,
      toOffset: number,
      size: number,
    ): void;
    finish(): object;
  };
  readonly queue: { submit(commands: readonly object[]): void };
}
export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

// `GPUBufferUsage` and `GPUMapMode`.
const MAP_READ = 0x01;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const STORAGE = 0x80;
const MAP_MODE_READ = 0x01;

const GPU_TYPES = ["float32", "float16", "int32"] as const;
export type GpuType = (typeof GPU_TYPES)[number];

/** Types computed on the GPU; the others hold indices and masks, which the CPU reads too. */
export function isGpuType(dtype: DType): dtype is GpuType {
  return (GPU_TYPES as readonly DType[]).includes(dtype);
}

/** Frees the memory of arrays that are garbage-collected without `release`. */
const dropped = new FinalizationRegistry((buffer: GpuBuffer) => buffer.destroy());

/** An array in GPU memory. Never empty, as WebGPU has no empty buffers. */
export class GpuArray implements DeviceArray {
  readonly dtype: GpuType;
  readonly shape: readonly number[];
  private readonly device: GpuDevice;
  /** Values not uploaded yet. */
  private unsent: TypedArray | undefined;
  private memory: GpuBuffer | undefined;
  private holders = 0;
  private released = false;

  /** `values` are uploaded on first use; `memory` becomes owned. Without either, the buffer is created on first use. */
  constructor(
    device: GpuDevice,
    dtype: GpuType,
    shape: readonly number[],
    from: { readonly values?: TypedArray; readonly memory?: GpuBuffer },
  ) {
    this.device = device;
    this.dtype = dtype;
    this.shape = shape;
    this.unsent = from.values;
    if (from.memory) this.own(from.memory);
  }

  async read(): Promise<TypedArray> {
    this.check();
    if (this.unsent) return this.unsent;
    const { device, buffer } = this;
    const staging = device.createBuffer({ size: buffer.size, usage: MAP_READ | COPY_DST });
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(MAP_MODE_READ);
      return viewArray(this.dtype, staging.getMappedRange(), 0, sizeOf(this.shape)).slice();
    } finally {
      staging.destroy();
    }
  }

  release(): void {
    this.released = true;
    this.freeIfDone();
  }

  /** Defers `release` until a matching `drop`. */
  hold(): void {
    this.check();
    this.holders++;
  }

  drop(): void {
    this.holders--;
    this.freeIfDone();
  }

  /** The buffer, with the values in it. Valid after `release` while held. */
  get buffer(): GpuBuffer {
    if (this.holders === 0) this.check();
    if (this.memory) return this.memory;
    const bytes = sizeOf(this.shape) * byteSize(this.dtype);
    const buffer = this.device.createBuffer({
      // Kernels read up to 16 bytes at a time.
      size: Math.ceil(bytes / 16) * 16,
      usage: STORAGE | COPY_SRC | COPY_DST,
      mappedAtCreation: this.unsent !== undefined,
    });
    if (this.unsent) {
      viewArray(this.dtype, buffer.getMappedRange(), 0, this.unsent.length).set(this.unsent as never);
      buffer.unmap();
      this.unsent = undefined;
    }
    this.own(buffer);
    return buffer;
  }

  /** Transfers ownership of the buffer; any later use of this array throws. */
  take(): GpuBuffer {
    const { buffer } = this;
    dropped.unregister(this);
    this.memory = undefined;
    this.released = true;
    return buffer;
  }

  private own(buffer: GpuBuffer): void {
    this.memory = buffer;
    dropped.register(this, buffer, this);
  }

  private check(): void {
    if (this.released) throw new Error(`${describe(this)}: the array was released`);
  }

  private freeIfDone(): void {
    if (!this.released || this.holders > 0) return;
    this.unsent = undefined;
    if (!this.memory) return;
    dropped.unregister(this);
    this.memory.destroy();
    this.memory = undefined;
  }
}
