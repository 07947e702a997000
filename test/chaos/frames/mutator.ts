// Damaged texts, made of right ones: cut, spliced, doubled, or with values of other types, so that many still are JSON.

const PIECES = [
  'null', '{}', '[]', '"', '\\', '{"', '-1', '1e999', '9007199254740993', 'true', '"__proto__":', '\u0000', '[[[[', '}}', ',', '0x', '"time":1e12,', '"isSnapshot":true,',
];
const VALUES = ['null', '{}', '[1]', '-5', '1.5', '"x"', '1e400', 'false', '""', '[]'];
const MOST_TIMES = 3;
/** Of the values of a text that stays JSON. */
const TWISTED_SHARE = 10;

export class Mutator {
  #state: number;
  /** The text before: pieces of it are put into others. */
  #other = '{"channel":"pong"}';

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The same for the same seed and the same texts. */
  mutated(text: string): string {
    let mutant = text;
    for (let times = 1 + this.below(MOST_TIMES); times > 0; times -= 1) mutant = this.below(2) === 0 ? this.#damaged(mutant) : this.#twisted(mutant);
    this.#other = text;
    return mutant;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  #damaged(text: string): string {
    const [one, other] = [this.below(text.length + 1), this.below(text.length + 1)];
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    switch (this.below(7)) {
      case 0: return text.slice(0, from);
      case 1: return text.slice(0, from) + text.slice(to);
      case 2: return text.slice(0, from) + this.#oneOf(PIECES) + text.slice(from);
      case 3: return text.slice(0, from) + this.#oneOf(PIECES) + text.slice(to);
      case 4: return text.slice(0, to) + text.slice(from);
      case 5: return text.slice(0, from) + String.fromCharCode(this.below(256)) + text.slice(from + 1);
      default: return text.slice(0, from) + this.#other.slice(this.below(this.#other.length));
    }
  }

  /** Values replaced, so that it stays JSON if it was. */
  #twisted(text: string): string {
    return text.replaceAll(/"[^"]*"(?=[,}\]])|\d+(?=[,}])/g, (value) => (this.below(TWISTED_SHARE) === 0 ? this.#oneOf(VALUES) : value));
  }

  #oneOf(items: readonly string[]): string {
    return items[this.below(items.length)] ?? '';
  }
}
