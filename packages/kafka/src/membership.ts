// Which partitions this process has in its consumer group, and whether it still has them.
//
// M1  A process that was away may believe in an assignment that is no more: before a partition is taken over for another
//     time, the group has to have answered since (a heartbeat, or a joining).

import { PortError } from '@fillstream/runtime';
import type { Consumer, ConsumerConfig } from 'kafkajs';

const HEARTBEATS_A_SESSION = 10;
/** How long the group may leave us without an answer. */
const ANSWER_MS = 60_000;

/** What a member of a group keeps to: it is given up after a session without a sign of it, also while it joins. */
export function sessionConfig(
  sessionTimeout: number,
): Pick<ConsumerConfig, 'sessionTimeout' | 'rebalanceTimeout' | 'heartbeatInterval' | 'allowAutoTopicCreation'> {
  const heartbeatInterval = Math.floor(sessionTimeout / HEARTBEATS_A_SESSION);
  return { sessionTimeout, rebalanceTimeout: sessionTimeout, heartbeatInterval, allowAutoTopicCreation: false };
}

export class Membership {
  #partitions: ReadonlySet<number> = new Set();
  /** Newly assigned, and not taken over yet. */
  readonly #fresh = new Set<number>();
  #answer = Promise.withResolvers<void>();
  #answeredAt: number | null = null;
  readonly #left = Promise.withResolvers<never>();

  /** `onAssigned` is told of every assignment, also of one that changes nothing, and how long the joining took. */
  constructor(consumer: Consumer, topic: string, onAssigned: (partitions: readonly number[], ms: number) => void) {
    this.#left.promise.catch(() => undefined); // Met by who waits for an answer.
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment, duration } }) => {
      const partitions = new Set(memberAssignment[topic] ?? []);
      for (const partition of partitions) if (!this.#partitions.has(partition)) this.#fresh.add(partition);
      this.#partitions = partitions;
      onAssigned([...partitions], duration);
      this.#answered();
    });
    consumer.on(consumer.events.HEARTBEAT, () => {
      this.#answered();
    });
  }

  /** When the group last answered (`performance.now()`); null before the first answer. */
  get answeredAt(): number | null {
    return this.#answeredAt;
  }

  get partitions(): readonly number[] {
    return [...this.#partitions];
  }

  /** Resolves when the partition is ours. Throws PortError `fenced` when it isn't (M1). */
  async confirm(partition: number): Promise<void> {
    if (!this.#fresh.delete(partition)) await this.#nextAnswer();
    if (this.#partitions.has(partition)) return;
    throw new PortError('fenced', `partition ${String(partition)} went to another member of the group`, { retryable: true });
  }

  /** Whoever waits for the group's answer won't get one. */
  leave(): void {
    this.#left.reject(new PortError('fenced', 'this process has left the consumer group', { retryable: false }));
  }

  async #nextAnswer(): Promise<void> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(new PortError('fenced', `the consumer group gave no answer for ${String(ANSWER_MS / 1_000)} s`, { retryable: true }));
    }, ANSWER_MS);
    try {
      await Promise.race([this.#answer.promise, timeout.promise, this.#left.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #answered(): void {
    this.#answeredAt = performance.now();
    this.#answer.resolve();
    this.#answer = Promise.withResolvers<void>();
  }
}
