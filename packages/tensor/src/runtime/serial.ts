/** Runs tasks one at a time, in the order of their calls; a failed one does not stop the next. */
export class Serial {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Whether a task started now would have nothing before it. */
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
