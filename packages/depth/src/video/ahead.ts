/** The same items; the next one is made while the last is used, so that reading, the network and writing overlap. */
export async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = () => {
    const asked = iterator.next();
    asked.catch(() => undefined); // thrown where it is awaited
    return asked;
  };
  try {
    let next = ask();
    for (let step = await next; !step.done; step = await next) {
      next = ask();
      yield step.value;
    }
  } finally {
    await iterator.return?.();
  }
}
