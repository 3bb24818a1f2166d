/** Uploaded files, so that many requests can refer to one. They stay in memory. */
import { createHash } from "node:crypto";
import { ApiError, type UploadAnswer } from "../api/index.ts";

export interface UploadLimits {
  /** Over all files. */
  readonly bytes: number;
  readonly files: number;
  /** Milliseconds that an unused file is kept. */
  readonly life: number;
}

const HOUR = 3_600_000;

interface Stored {
  readonly upload: UploadAnswer;
  readonly content: Uint8Array<ArrayBuffer>;
  usedAt: number;
}

export class Uploads {
  /** The most recently used last. */
  readonly #files = new Map<string, Stored>();
  readonly #limits: UploadLimits;
  readonly #now: () => number;

  /** @param now milliseconds on a clock that never goes back */
  constructor(limits: Partial<UploadLimits> = {}, now = () => performance.now()) {
    this.#limits = { bytes: 200e6, files: 64, life: HOUR, ...limits };
    this.#now = now;
  }

  /** Stores a file under the hash of its bytes; files unused for longest make room. */
  put(content: Uint8Array<ArrayBuffer>, mediaType: string): UploadAnswer {
    const id = createHash("sha256").update(content).digest("hex").slice(0, 32);
    const upload = { id, mediaType, bytes: content.length };
    this.#files.delete(id);
    this.#files.set(id, { upload, content, usedAt: this.#now() });
    this.#makeRoom();
    return upload;
  }

  /** @throws ApiError `not-found` if it was never here, or has been dropped */
  get(id: string): Uint8Array<ArrayBuffer> {
    this.#makeRoom();
    const file = this.#files.get(id);
    if (!file)
      throw new ApiError("not-found", `input: no upload ${id} is here any more; upload it again`, "input");
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
