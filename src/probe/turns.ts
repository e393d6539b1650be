/** Hands out its items one after another, for ever. */
export class Turns<T> {
  #next = 0;

  constructor(private readonly items: readonly T[]) {
    if (items.length === 0) throw new RangeError('a probe class needs at least one target');
  }

  next(): T {
    const item = this.items[this.#next % this.items.length];
    this.#next += 1;
    if (item === undefined) throw new RangeError('a probe class needs at least one target');
    return item;
  }
}
