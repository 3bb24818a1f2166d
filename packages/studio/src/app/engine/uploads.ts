/** Uploads each file once, and again only if the server has dropped it. */
import { ApiError, type UploadAnswer } from "../../api/index.ts";

export class UploadedFiles {
  readonly #upload: (file: Blob) => Promise<UploadAnswer>;
  readonly #ids = new WeakMap<Blob, Promise<string>>();

  constructor(upload: (file: Blob) => Promise<UploadAnswer>) {
    this.#upload = upload;
  }

  /** Asks with the `upload:ID` that a request takes in place of the file. */
  async use<T>(file: Blob, ask: (input: string) => Promise<T>): Promise<T> {
    const id = this.#idOf(file);
    try {
      return await ask(await id);
    } catch (error) {
      if (!isForgotten(error)) throw error;
      // Several requests may fail at the same time: only the first uploads again.
      if (this.#ids.get(file) === id) this.#ids.delete(file);
      return await ask(await this.#idOf(file));
    }
  }

  /** Not aborted with a request: others may be waiting for the same upload. */
  #idOf(file: Blob): Promise<string> {
    const known = this.#ids.get(file);
    if (known) return known;
    const id = this.#upload(file).then((upload) => `upload:${upload.id}`);
    this.#ids.set(file, id);
    id.catch(() => this.#ids.delete(file));
    return id;
  }
}

function isForgotten(error: unknown): boolean {
  return error instanceof ApiError && error.code === "not-found" && error.field === "input";
}
