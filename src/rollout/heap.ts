/** A queue that gives the smallest number first, with what belongs to it. Putting in and taking out cost the logarithm. */
export class Heap<T> {
  readonly #items: { readonly rank: number; readonly item: T }[] = [];

  get size(): number {
    return this.#items.length;
  }

  put(rank: number, item: T): void {
    let i = this.#items.push({ rank, item }) - 1;
    while (i > 0 && this.#rank(i) < this.#rank((i - 1) >> 1)) {
      this.#swap(i, (i - 1) >> 1);
      i = (i - 1) >> 1;
    }
  }

  take(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (first === undefined || last === undefined || this.#items.length === 0) return first?.item;
    this.#items[0] = last;
    for (let i = 0; ; ) {
      const child = this.#rank(2 * i + 2) < this.#rank(2 * i + 1) ? 2 * i + 2 : 2 * i + 1;
      if (this.#rank(child) >= this.#rank(i)) return first.item;
      this.#swap(i, child);
      i = child;
    }
  }

  #rank(i: number): number {
    return this.#items[i]?.rank ?? Infinity;
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#items[i], this.#items[j]];
    if (a === undefined || b === undefined) return;
    this.#items[i] = b;
    this.#items[j] = a;
  }
}
