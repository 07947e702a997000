// The addresses to watch, as the topic `watchlist` has them: the last word on each counts.

import { checkAddress } from '@fillstream/hyperliquid';
import { unframed, type TailedRecord } from '@fillstream/kafka';
import { decodeWatched, type Watched } from '@fillstream/schemas';

export class Watchlist {
  readonly #watched = new Map<string, Watched>();

  /** In order of their addresses. */
  get all(): readonly Watched[] {
    return [...this.#watched.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  get addresses(): readonly string[] {
    return [...this.#watched.keys()];
  }

  get(address: string): Watched | null {
    return this.#watched.get(address) ?? null;
  }

  /** Why it can't be read; null when it was. What can't be read changes nothing. */
  add({ key, value }: TailedRecord): string | null {
    const address = key === null ? null : checkAddress(key);
    if (address === null) return `watchlist: expected an address as the key, got ${JSON.stringify(key)}`;
    if (value === null) {
      this.#watched.delete(address);
      return null;
    }
    try {
      const { addedAt, label } = decodeWatched(unframed(value) ?? Buffer.alloc(0));
      this.#watched.set(address, { address, addedAt, label });
      return null;
    } catch (error) {
      return `watchlist: ${address}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
