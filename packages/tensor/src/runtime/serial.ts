/** Runs tasks one at a time, in call order; a failed task does not stop the next. */
export class Serial {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Whether no task is running or queued. */
  get idle(): boolean {
    return this.waiting === 0;
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    this.waiting++;
    const result = this.last.then(task);
    const done = () => {
      this.waiting--;
    };
    this.last = result.then(done, done);
    return result;
  }
}
