// What is wrong with one direction of a link at the moment: the sum of all impairments that stand.

/** Of one direction; what is left out is as it should be. */
export type Impairment = {
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
  /** Nothing gets through, and nobody is told. */
  readonly isHole?: boolean;
};

export class Conditions {
  readonly #standing = new Set<Impairment>();
  #opened = Promise.withResolvers<void>();

  get delayMs(): number {
    return [...this.#standing].reduce((sum, { delayMs = 0 }) => sum + delayMs, 0);
  }

  /** Infinity without a limit. */
  get bytesPerSecond(): number {
    return Math.min(Infinity, ...Array.from(this.#standing, ({ bytesPerSecond = Infinity }) => bytesPerSecond));
  }

  get isHole(): boolean {
    return [...this.#standing].some(({ isHole = false }) => isHole);
  }

  /** Stands until what is returned is called. */
  add(impairment: Impairment): () => void {
    const own = { ...impairment };
    this.#standing.add(own);
    return () => {
      this.#standing.delete(own);
      if (this.isHole) return;
      this.#opened.resolve();
      this.#opened = Promise.withResolvers();
    };
  }

  /** Resolves when bytes get through. */
  async passable(): Promise<void> {
    while (this.isHole) await this.#opened.promise;
  }
}
