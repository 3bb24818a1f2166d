/** Arrays in GPU memory, for WebGPU in the browser. */
import type * as Ort from "onnxruntime-web";
import type { DType, TypedArray } from "../dtype.ts";
import type { DeviceArray } from "./backend.ts";
import { describe } from "./checks.ts";

// `GPUBufferUsage` of the WebGPU specification.
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const STORAGE = 0x80;

const GPU_TYPES = ["float32", "float16", "int32"] as const;
type GpuType = (typeof GPU_TYPES)[number];

/** Types that are computed with on the GPU; the others are indices and masks that the CPU reads. */
export function isGpuType(dtype: DType): dtype is GpuType {
  return (GPU_TYPES as readonly DType[]).includes(dtype);
}

/** A tensor over host values. */
export function hostTensor(ort: typeof Ort, data: TypedArray, { dtype, shape }: DeviceArray): Ort.Tensor {
  // The declared overloads know half-precision values as `Uint16Array` only; both are taken.
  return new ort.Tensor(dtype, data as Exclude<TypedArray, Float16Array>, shape);
}

/** Frees the GPU memory of arrays that were dropped without `release`. */
const dropped = new FinalizationRegistry((tensor: Ort.Tensor) => tensor.dispose());

/** Values on the host, in GPU memory, or both. */
export class GpuArray implements DeviceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  private readonly ort: typeof Ort;
  private host: TypedArray | undefined;
  private onGpu: Ort.Tensor | undefined;
  private holders = 0;
  private released = false;

  private constructor(ort: typeof Ort, dtype: DType, shape: readonly number[]) {
    this.ort = ort;
    this.dtype = dtype;
    this.shape = shape;
  }

  /** Host values, sent to the GPU when a run first reads them. */
  static fromHost(ort: typeof Ort, data: TypedArray, dtype: DType, shape: readonly number[]): GpuArray {
    const array = new GpuArray(ort, dtype, shape);
    array.host = data;
    return array;
  }

  /** The result of a run. */
  static fromTensor(ort: typeof Ort, tensor: Ort.Tensor, dtype: DType, shape: readonly number[]): GpuArray {
    const array = new GpuArray(ort, dtype, shape);
    if (tensor.location === "gpu-buffer") array.keep(tensor);
    else array.host = tensor.data as TypedArray;
    return array;
  }

  async read(): Promise<TypedArray> {
    this.check();
    if (this.host) return this.host;
    this.hold();
    try {
      this.host = (await this.onGpu?.getData()) as TypedArray;
      return this.host;
    } finally {
      this.drop();
    }
  }

  release(): void {
    this.released = true;
    this.freeIfDone();
  }

  /** Delays the effect of `release` until `drop` was called as often. */
  hold(): void {
    this.check();
    this.holders++;
  }

  drop(): void {
    this.holders--;
    this.freeIfDone();
  }

  /** The tensor to feed to a session; held by the caller. */
  async tensor(): Promise<Ort.Tensor> {
    if (this.onGpu) return this.onGpu;
    const host = this.host as TypedArray;
    if (!isGpuType(this.dtype) || host.length === 0) return hostTensor(this.ort, host, this);
    const device = await this.ort.env.webgpu.device;
    const buffer = device.createBuffer({
      // Rows of four bytes are what a copy moves, sixteen what the kernels read.
      size: Math.ceil(host.byteLength / 16) * 16,
      usage: STORAGE | COPY_SRC | COPY_DST,
      mappedAtCreation: true,
    });
    new Uint8Array(buffer.getMappedRange()).set(
      new Uint8Array(host.buffer, host.byteOffset, host.byteLength),
    );
    buffer.unmap();
    this.keep(
      this.ort.Tensor.fromGpuBuffer(buffer, {
        dataType: this.dtype,
        dims: this.shape,
        dispose: () => buffer.destroy(),
      }),
    );
    return this.onGpu as unknown as Ort.Tensor;
  }

  private keep(tensor: Ort.Tensor): void {
    this.onGpu = tensor;
    dropped.register(this, tensor, this);
  }

  private check(): void {
    if (this.released) throw new Error(`${describe(this)}: the array was released`);
  }

  private freeIfDone(): void {
    if (!this.released || this.holders > 0) return;
    this.host = undefined;
    if (!this.onGpu) return;
    dropped.unregister(this);
    this.onGpu.dispose();
    this.onGpu = undefined;
  }
}
