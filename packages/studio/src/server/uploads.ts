/** Uploaded files that several requests can refer to, kept in memory. */
import { createHash } from "node:crypto";
import { ApiError, type UploadAnswer } from "../api/index.ts";

export interface UploadLimits {
  /** Total of all files. */
  readonly bytes: number;
  readonly files: number;
  /** How long an unused file is kept, in milliseconds. */
  readonly life: number;
}

const HOUR = 3_600_000;

interface Stored {
  readonly upload: UploadAnswer;
  readonly content: Uint8Array<ArrayBuffer>;
  usedAt: number;
}

export class Uploads {
  /** Most recently used last. */
  readonly #files = new Map<string, Stored>();
  readonly #limits: UploadLimits;
  readonly #now: () => number;

  /** @param now a monotonic clock in milliseconds */
  constructor(limits: Partial<UploadLimits> = {}, now = () => performance.now()) {
    this.#limits = { bytes: 200e6, files: 64, life: HOUR, ...limits };
    this.#now = now;
  }

  /** Stores a file under the hash of its bytes, and drops the least recently used files beyond the limits. */
  put(content: Uint8Array<ArrayBuffer>, mediaType: string): UploadAnswer {
    const id = createHash("sha256").update(content).digest("hex").slice(0, 32);
    const upload = { id, mediaType, bytes: content.length };
    this.#files.delete(id);
    this.#files.set(id, { upload, content, usedAt: this.#now() });
    this.#makeRoom();
    return upload;
  }

  /** @throws ApiError `not-found` if there is no such upload, or it has been dropped */
  get(id: string): Uint8Array<ArrayBuffer> {
    this.#makeRoom();
    const file = this.#files.get(id);
    if (!file)
      throw new ApiError(
        "not-found",
        `input: the server has no upload ${id}; upload the file again`,
        "input",
      );
    file.usedAt = this.#now();
    this.#files.delete(id);
    this.#files.set(id, file);
    return file.content;
  }

  #makeRoom(): void {
    const oldest = this.#now() - this.#limits.life;
    let bytes = this.#files.values().reduce((sum, { content }) => sum + content.length, 0);
    for (const [id, { content, usedAt }] of this.#files) {
      const fits = bytes <= this.#limits.bytes && this.#files.size <= this.#limits.files;
      if (fits && usedAt >= oldest) break;
      this.#files.delete(id);
      bytes -= content.length;
    }
  }
}
