// Waiting for something to arrive, without missing what arrives between a look and the wait.

export class Bell {
  #rings = 0;
  #next = Promise.withResolvers<true>();

  /** How often it rang: taken before a look, and given to `after`. */
  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings += 1;
    this.#next.resolve(true);
    this.#next = Promise.withResolvers();
  }

  /** Resolves to true when it has rung since `rings`, to false after `withinMs`. */
  async after(rings: number, withinMs: number): Promise<boolean> {
    if (this.#rings !== rings) return true;
    const timeout = Promise.withResolvers<false>();
    const timer = setTimeout(() => {
      timeout.resolve(false);
    }, withinMs);
    try {
      return await Promise.race([this.#next.promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
