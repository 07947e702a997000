// A compacted topic as its keys' last words, for good: all that is there, then what comes, in order, by our schema.
//
// T1  A value that another version wrote is read by the registry's schema of it; what can't be read is said to be so, with its key.

import type { PortError } from '@fillstream/runtime';
import type { Topic } from '@fillstream/schemas';
import { nameIn, type KafkaOptions } from './connection.ts';
import { TopicTail, type TailedRecord } from './topic-tail.ts';
import { WireFormat, registryOf, type RegistryOptions } from './wire-format.ts';

export type KeyedWord = { readonly key: string } & (
  | { readonly kind: 'value'; readonly body: Buffer }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'unreadable' }
);

export type KeyedListener = {
  readonly onWord: (word: KeyedWord) => void;
  /** Told when nothing more will come. */
  readonly onFailure?: (error: PortError) => void;
};

export class KeyedTail {
  readonly #format: WireFormat;
  readonly #onWord: KeyedListener['onWord'];
  #tail: TopicTail | null = null;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Resolves when everything that was there has been told. Throws PortError, also when there is no such topic. */
  static async follow(kafka: KafkaOptions, registry: RegistryOptions, topic: Topic, { onWord, onFailure }: KeyedListener): Promise<KeyedTail> {
    const format = await WireFormat.of(registryOf(registry), topic, nameIn(kafka.namespace, topic), kafka.onTrouble);
    const keyed = new KeyedTail(format, onWord);
    keyed.#tail = await TopicTail.follow(kafka, topic, {
      onRecord: (record) => {
        keyed.#last = keyed.#last.then(async () => await keyed.#take(record));
      },
      ...(onFailure === undefined ? {} : { onFailure }),
    });
    await keyed.#last;
    return keyed;
  }

  private constructor(format: WireFormat, onWord: KeyedListener['onWord']) {
    this.#format = format;
    this.#onWord = onWord;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#tail?.close();
  }

  /** T1. A record without a key is nobody's. */
  async #take({ key, value }: TailedRecord): Promise<void> {
    if (key === null) return;
    await this.#format.learn([value]);
    if (!this.#isClosed) this.#onWord(this.#wordOf(key, value));
  }

  #wordOf(key: string, value: Buffer | null): KeyedWord {
    if (value === null) return { key, kind: 'deleted' };
    const body = this.#format.unframe(value);
    return body === null ? { key, kind: 'unreadable' } : { key, kind: 'value', body };
  }
}
