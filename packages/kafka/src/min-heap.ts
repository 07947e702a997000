// What comes first of many, found again after each change in steps that grow with the logarithm of their number.

export class MinHeap<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let place = this.#items.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#comesFirst(place, above)) return;
      this.#swap(place, above);
      place = above;
    }
  }

  pop(): T | undefined {
    const [first] = this.#items;
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return first;
    this.#items[0] = last;
    for (let place = 0; ;) {
      let least = place;
      for (const below of [2 * place + 1, 2 * place + 2]) if (this.#comesFirst(below, least)) least = below;
      if (least === place) return first;
      this.#swap(place, least);
      place = least;
    }
  }

  #comesFirst(place: number, other: number): boolean {
    const [a, b] = [this.#items[place], this.#items[other]];
    return a !== undefined && b !== undefined && this.#isBefore(a, b);
  }

  #swap(place: number, other: number): void {
    const [a, b] = [this.#items[place], this.#items[other]];
    if (a === undefined || b === undefined) return;
    this.#items[place] = b;
    this.#items[other] = a;
  }
}
