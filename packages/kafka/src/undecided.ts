// Whether all that earlier owners wrote to a partition's outputs is decided.
//
// U1  Nothing is built on a partition with an open transaction, though its owner is fenced. Kafka 4.3.0 and 4.3.1 leave such:
//     they take a partition that has no leader just then for a deleted one, and never write the end of a transaction there
//     (KAFKA-20734). What it wrote would be decided by the next transaction's end, whatever became of the rest of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { PortError } from '@fillstream/runtime';
import type { Topic } from '@fillstream/schemas';
import { nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { clientOfTrueEnds } from './true-ends.ts';

/** Every transaction writes the last of them, most the first too. */
const WATCHED = ['signals', 'commits'] as const satisfies readonly Topic[];
/** A new leader knows a little later what is decided. */
const PATIENCE_MS = 5_000;
const POLL_MS = 100;

/** `stableEnd`: where readers of what is committed have to stop in this partition of a topic. Throws PortError (U1). */
export async function untilDecided(kafka: KafkaOptions, partition: number, stableEnd: (topic: Topic) => Promise<number>): Promise<void> {
  const client = clientOfTrueEnds(kafka);
  if (client === null) return;
  await withAdmin(client, async (admin) => {
    const deadline = performance.now() + PATIENCE_MS;
    for (const topic of WATCHED) {
      const name = nameIn(kafka.namespace, topic);
      const end = Number((await admin.fetchTopicOffsets(name)).find((each) => each.partition === partition)?.high ?? 0);
      for (let stable = await stableEnd(topic); stable < end; stable = await stableEnd(topic)) {
        if (performance.now() > deadline) throw undecided(`${name}/${String(partition)}`, stable);
        await sleep(POLL_MS);
      }
    }
  });
}

function undecided(where: string, offset: number): PortError {
  const why = 'has no end, though its owner is fenced: the brokers lost it (see docs/cluster.md, "A transaction without an end")';
  return new PortError('log-broken', `kafka: the transaction at ${where}, offset ${String(offset)}, ${why}`, { retryable: true });
}
