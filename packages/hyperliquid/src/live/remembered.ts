// The last so many keys: what is known to be on its way to the sink, so that it needn't go there again.

export class Remembered<K> {
  readonly #limit: number;
  readonly #keys = new Set<K>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#keys.size;
  }

  has(key: K): boolean {
    return this.#keys.has(key);
  }

  /** True when it is new. */
  add(key: K): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > this.#limit) for (const oldest of this.#keys.keys().take(1)) this.#keys.delete(oldest);
    return true;
  }
}
