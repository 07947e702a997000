// A bounded number of tasks at a time; the others wait in order.

export class Gate {
  /** May be changed at any time. */
  #limit: number;
  #used = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#admit();
  }

  async through<T>(task: () => Promise<T>): Promise<T> {
    if (this.#used < this.#limit && this.#waiting.length === 0) this.#used += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      this.#used -= 1;
      this.#admit();
    }
  }

  #admit(): void {
    while (this.#used < this.#limit && this.#waiting.length > 0) {
      this.#used += 1;
      this.#waiting.shift()?.();
    }
  }
}
