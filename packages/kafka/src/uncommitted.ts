// How long the oldest record waits that was taken and isn't committed yet, by topic.

type Taken = { readonly timestamp: number; readonly to: number };

export class Uncommitted {
  readonly #taken: Taken[][];

  constructor(topics: number) {
    this.#taken = Array.from({ length: topics }, () => []);
  }

  /** Records of one topic in a row: the first one's timestamp, and the offset after the last. */
  took(topic: number, timestamp: number, to: number): void {
    this.#taken[topic]?.push({ timestamp, to });
  }

  /** By topic, what lies before these offsets is committed. */
  committed(offsets: readonly number[]): void {
    for (const [topic, taken] of this.#taken.entries()) {
      while (taken[0] !== undefined && taken[0].to <= (offsets[topic] ?? 0)) taken.shift();
    }
  }

  /** Its timestamp (ms); null when there is none. */
  oldestOf(topic: number): number | null {
    return this.#taken[topic]?.[0]?.timestamp ?? null;
  }
}
