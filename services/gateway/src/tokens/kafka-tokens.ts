// The tokens of an installation on Kafka: the topic `tokens`, followed.
//
// K1  A token whose last word can't be read is good no longer: it may have been its revocation.

import { KeyedTail, type KafkaOptions, type KeyedWord, type RegistryOptions } from '@fillstream/kafka';
import type { PortError } from '@fillstream/runtime';
import { decodeToken } from '@fillstream/schemas';
import { TokenBook, type Authority, type Grant } from './authority.ts';

export type TokensListener = {
  readonly onTrouble?: (text: string) => void;
  /** Told when nothing more will come: what is revoked from then on isn't heard of. */
  readonly onFailure?: (error: PortError) => void;
};

export class KafkaTokens implements Authority {
  readonly book = new TokenBook();
  readonly #onTrouble: (text: string) => void;
  #tail: KeyedTail | null = null;

  /** Resolves when all that are there are known. Throws PortError. */
  static async follow(kafka: KafkaOptions, registry: RegistryOptions, { onTrouble, onFailure }: TokensListener = {}): Promise<KafkaTokens> {
    const tokens = new KafkaTokens(onTrouble ?? (() => undefined));
    tokens.#tail = await KeyedTail.follow(kafka, registry, 'tokens', {
      onWord: (word) => tokens.#take(word),
      ...(onFailure === undefined ? {} : { onFailure }),
    });
    return tokens;
  }

  private constructor(onTrouble: (text: string) => void) {
    this.#onTrouble = onTrouble;
  }

  grantOf(token: string): Grant | null {
    return this.book.grantOf(token);
  }

  onEnd(listener: (tokenId: string) => void): () => void {
    return this.book.onEnd(listener);
  }

  async close(): Promise<void> {
    this.book.close();
    await this.#tail?.close();
  }

  #take(word: KeyedWord): void {
    if (word.kind === 'value') {
      try {
        this.book.put({ ...decodeToken(word.body), id: word.key });
        return;
      } catch {
        this.#onTrouble(`tokens: ${word.key} can't be read, and is good no longer`);
      }
    } else if (word.kind === 'unreadable') {
      this.#onTrouble(`tokens: ${word.key} can't be read, and is good no longer`);
    }
    this.book.delete(word.key); // K1
  }
}
