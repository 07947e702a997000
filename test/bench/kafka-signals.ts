// What came out, and what should have.
//
// On two topics with a clock each, a timer may fire by some records later than on one journal with one clock, and an order
// whose records are farther apart than the periods may get to its totals by other revisions (contract §8, §9). So
//
// S1  of each id the highest revision counts, without its number and what it says of the order by then; all ids and their
//     totals have to be equal.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import { connectionOf, withAdmin, type KafkaOptions } from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';

const HEADER_BYTES = 5;
/** What another revision of the same totals may say otherwise. */
const PASSING = /"(?:revision":\d+|orderStatus":(?:null|"\w+")|trigger":"\w+"|complete":\w+),/g;

/** How many there are, of how many ids, and one number over the ids and their totals, whatever their order (S1). */
export type Signals = { readonly count: number; readonly ids: number; readonly sum: number };

/** The lines of a run's output. */
export async function signalsOfFile(path: string): Promise<Signals> {
  const tally = new Tally();
  for await (const line of createInterface({ input: createReadStream(path) })) tally.add(line);
  return tally.result();
}

/** Everything committed on the topic. */
export async function signalsOfTopic(kafka: KafkaOptions, topic: string): Promise<Signals> {
  const client = connectionOf(kafka);
  const ends = await withAdmin(client, async (admin) => await admin.fetchTopicOffsets(topic));
  const left = new Map(ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]));
  const tally = new Tally();
  const done = Promise.withResolvers<void>();
  const consumer = client.consumer({ groupId: `${topic}-tally-${String(Date.now())}`, allowAutoTopicCreation: false, maxWaitTimeInMs: 50 });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
    if (Number(lastOffset) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition);
    if (left.size === 0) done.resolve();
  });
  if (left.size === 0) return tally.result();
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        await Promise.resolve();
        for (const { value } of batch.messages) if (value !== null) tally.add(JSON.stringify(decodeSignal(value.subarray(HEADER_BYTES))));
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
  }
  return tally.result();
}

class Tally {
  #count = 0;
  /** By id. */
  readonly #latest = new Map<string, { readonly revision: number; readonly crc: number }>();

  add(line: string): void {
    // A signal of ours.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    const { id, revision } = JSON.parse(line) as { readonly id: string; readonly revision: number };
    this.#count += 1;
    if (revision < (this.#latest.get(id)?.revision ?? 0)) return;
    this.#latest.set(id, { revision, crc: crc32(line.replace(PASSING, '')) });
  }

  result(): Signals {
    const sum = this.#latest.values().reduce((total, { crc }) => total + crc, 0);
    return { count: this.#count, ids: this.#latest.size, sum };
  }
}
