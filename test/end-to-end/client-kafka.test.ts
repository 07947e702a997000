// The client's helper for kafkajs on a real topic: what is committed, each revision once, offsets behind what had its effect.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signal } from '@fillstream/client';
import { readSignals, type Skipped } from '@fillstream/client/kafka';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { WireFormat, connectionOf, nameIn, registryOf, withAdmin } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { encodeSignal } from '@fillstream/schemas';
import { Installation, serversOfTests } from './cluster.ts';
import { names, sortedNames } from './client-gateway.ts';

const PARTITIONS = 3;
const GROUP = 'subscriber';

const servers = serversOfTests();

type Read = { readonly signals: Signal[]; readonly skipped: Skipped[] };

/** One topic, written in transactions, read by one group. */
class Topic {
  readonly name: string;
  readonly #installation: Installation;
  readonly #format: WireFormat;

  static async make(namespace: string): Promise<Topic> {
    const installation = new Installation(servers(), namespace);
    await installation.createTopics(PARTITIONS);
    const name = nameIn(namespace, 'signals');
    return new Topic(installation, name, await WireFormat.of(registryOf(installation.registry), 'signals', name));
  }

  private constructor(installation: Installation, name: string, format: WireFormat) {
    this.#installation = installation;
    this.name = name;
    this.#format = format;
  }

  async write(signals: readonly Signal[], { abort = false, raw = [] }: { readonly abort?: boolean; readonly raw?: readonly (Buffer | null)[] } = {}): Promise<void> {
    const producer = connectionOf(this.#installation.kafka).producer({ transactionalId: this.name, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: this.name, messages: [
      ...signals.map((signal) => ({ key: signal.address, partition: partitionOf(signal.address, PARTITIONS), value: this.#format.frame(encodeSignal(signal)) })),
      ...raw.map((value) => ({ key: 'other', partition: 0, value })),
    ] });
    await (abort ? transaction.abort() : transaction.commit());
    await producer.disconnect();
  }

  /** As a subscriber would; until `isDone`, or until `onSignal` fails. */
  async read(read: Read, isDone: () => boolean, onSignal: (signal: Signal) => void = () => undefined, { groupId = GROUP, isTold = true } = {}): Promise<void> {
    const consumer = connectionOf(this.#installation.kafka).consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 50 });
    const registry = registryOf(this.#installation.registry);
    const stop = new AbortController();
    const look = (): void => {
      if (isDone()) stop.abort();
    };
    await consumer.connect();
    try {
      await readSignals({
        consumer, topic: this.name, signal: stop.signal,
        decode: async (value) => await registry.decode(value) as Signal,
        onSignal: (signal) => {
          onSignal(signal);
          read.signals.push(signal);
          look();
        },
        ...(isTold ? {
          onSkipped: (skipped) => {
            read.skipped.push(skipped);
            look();
          },
        } : {}),
      });
    } finally {
      await consumer.disconnect();
    }
  }

  /** Records, markers of transactions included, that the group hasn't behind it. */
  async lag(): Promise<number> {
    return await withAdmin(connectionOf(this.#installation.kafka), async (admin) => {
      const [committed] = await admin.fetchOffsets({ groupId: GROUP, topics: [this.name] });
      const ends = await admin.fetchTopicOffsets(this.name);
      return ends.reduce((sum, { partition, high }) => {
        const offset = Number(committed?.partitions.find((each) => each.partition === partition)?.offset ?? 0);
        return sum + Number(high) - Math.max(0, offset);
      }, 0);
    });
  }
}

test('committed signals are read once, as they were written; what failed comes again, and so does the rest after it; what is no signal is told, or ends it', { timeout: 120_000 }, async () => {
  const topic = await Topic.make('client-helper');
  const first = Array.from({ length: 30 }, (_, number) => testSignal({ address: testAddress(number % 7), fees: { HYPE: '-0.1', USDC: '1.5' } }));
  await topic.write(first);
  await topic.write(first.map((signal) => ({ ...signal, revision: 99, lastFillAt: signal.lastFillAt + 1 })), { abort: true });
  await topic.write(first.slice(0, 10)); // At least once: repeats.
  await topic.write([], { raw: [null, Buffer.from('no signal')] });
  const failing = first[17]?.id;
  const [before, after]: [Read, Read] = [{ signals: [], skipped: [] }, { signals: [], skipped: [] }];
  await assert.rejects(topic.read(before, () => false, ({ id }) => {
    if (id === failing) throw new Error('the database is away');
  }), /the database is away/);
  assert.ok(await topic.lag() > 0);
  const skipped = (): Skipped[] => [...before.skipped, ...after.skipped];
  const read = (): string[] => [...new Set(names([...before.signals, ...after.signals]))].sort();
  await topic.read(after, () => skipped().length === 2 && read().length === first.length);
  assert.deepEqual(read(), sortedNames(first));
  for (const { signals } of [before, after]) assert.equal(new Set(names(signals)).size, signals.length);
  assert.deepEqual(skipped().map(({ kind, key }) => [kind, key?.toString()]), [['tombstone', 'other'], ['unreadable', 'other']]);
  const again = after.signals.find(({ id }) => id === failing);
  assert.deepEqual({ ...again, fees: { ...again?.fees } }, first[17]);
  await assert.rejects(topic.read({ signals: [], skipped: [] }, () => false, () => undefined, { groupId: 'untold', isTold: false }), /magic byte/i);
});
