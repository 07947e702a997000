// The readers in other languages (examples/) on a real topic: what was aborted isn't read, repeats and what they have read before
// aren't told again, fields that they don't know are passed over.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { compare, format, parseDecimal, subtract } from '@fillstream/core';
import { WireFormat, connectionOf, nameIn, readTopic, registryOf, subjectOf, withAdmin } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { encodeSignal, schemaTextOf, type Signal } from '@fillstream/schemas';
import { Installation, serversOfTests, type JoinedServers } from '../end-to-end/cluster.ts';
import { folderFor } from '../end-to-end/command.ts';
import { javaReader, pythonReader, type Reader } from './readers.ts';

const PARTITIONS = 3;
const PRINTED = ['id', 'revision', 'coin', 'direction', 'side', 'size', 'price', 'trigger', 'complete'] as const;
const NOTE = 'of a later version';

const servers = serversOfTests();

/** The revision of a leg; the greater one has the greater size. */
function signalOf(order: number, revision: number, size: string): Signal {
  const address = `0x${String(order % 7).repeat(40)}`;
  return {
    id: `${address}/${String(order)}/open-long`, revision, address, oid: order, coin: 'xyz:GÖLD', symbol: 'GÖLD',
    cloid: order % 2 === 0 ? '0x01' : null, assetType: 'futures', direction: 'open', side: 'LONG', size,
    notional: '123456789012345678901234567890.000000000000000001', price: '0.333333333333333333', positionSize: 'large',
    positionBefore: '0', positionAfter: size, closeRate: '0', positionRate: null, fees: { HYPE: '-0.1', USDC: '0.2' }, closedPnl: '0',
    fillCount: revision, firstFillAt: 1_760_000_000_001, lastFillAt: 1_760_000_000_001 + revision, orderStatus: null,
    trigger: 'timeout', complete: false, reversal: false, cause: 'trade', twapId: order % 3 === 0 ? 5 : null,
  };
}

/** More digits than a float has. */
const FIRST = '90071992547409930.000000000000000007';
const SECOND = '90071992547409931.000000000000000009';
const FIRST_PART = Array.from({ length: 40 }, (_, order) => signalOf(order, 1, FIRST));
const SECOND_PART = [...FIRST_PART.slice(0, 20).map(({ oid }) => signalOf(oid, 2, SECOND)), signalOf(100, 1, '1.5')];
/** A forgotten order begins anew, with later fills. */
const FORGOTTEN = { ...signalOf(0, 1, '2'), lastFillAt: 1_770_000_000_000 };

type Writing = { readonly abort?: boolean; readonly later?: boolean };

class Topic {
  readonly #installation: Installation;
  readonly #format: WireFormat;
  readonly #laterId: number;

  static async make(held: JoinedServers, namespace: string): Promise<Topic> {
    const installation = new Installation(held, namespace);
    await installation.createTopics(PARTITIONS);
    const name = nameIn(namespace, 'signals');
    const schema = JSON.parse(schemaTextOf('signals'));
    schema.fields.push({ name: 'note', type: ['null', 'string'], default: null });
    const answer = await fetch(`${installation.registry.url}/subjects/${subjectOf(name)}/versions`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ schema: JSON.stringify(schema) }),
    });
    const { id } = await answer.json() as { id: number };
    return new Topic(installation, await WireFormat.of(registryOf(installation.registry), 'signals', name), id);
  }

  constructor(installation: Installation, format: WireFormat, laterId: number) {
    this.#installation = installation;
    this.#format = format;
    this.#laterId = laterId;
  }

  get address(): { readonly brokers: string; readonly registry: string; readonly name: string } {
    const { kafka, registry, namespace } = this.#installation;
    return { brokers: kafka.brokers.join(','), registry: registry.url, name: nameIn(namespace, 'signals') };
  }

  /** One transaction; `later`: by a schema with a field more. */
  async write(signals: readonly Signal[], { abort = false, later = false }: Writing = {}): Promise<void> {
    const options = { transactionalId: this.address.name, idempotent: true, maxInFlightRequests: 1 };
    const producer = connectionOf(this.#installation.kafka).producer(options);
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: this.address.name, messages: signals.map((signal) => ({
      key: signal.address, partition: partitionOf(signal.address, PARTITIONS),
      value: later ? this.#laterValue(signal) : this.#format.frame(encodeSignal(signal)),
    })) });
    await (abort ? transaction.abort() : transaction.commit());
    await producer.disconnect();
  }

  /** The group's offsets are behind the last signal of each partition. */
  async assertBehind(group: string): Promise<void> {
    const { kafka } = this.#installation;
    const records = await readTopic(kafka, 'signals');
    const asked = { groupId: group, topics: [this.address.name] };
    const [committed] = await withAdmin(connectionOf(kafka), async (admin) => await admin.fetchOffsets(asked));
    for (const [partition, held] of Map.groupBy(records, (record) => record.partition)) {
      const offset = Number(committed?.partitions.find((each) => each.partition === partition)?.offset);
      assert.ok(offset > Math.max(...held.map((record) => record.offset)), `partition ${String(partition)} at ${String(offset)}`);
    }
  }

  #laterValue(signal: Signal): Buffer {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(this.#laterId, 1);
    return Buffer.concat([header, encodeSignal(signal), Buffer.from([2, NOTE.length * 2]), Buffer.from(NOTE)]); // The second branch, a text.
  }
}

/** What a reader prints of a signal. */
function lineOf(signal: Signal, delta: string): object {
  return { ...Object.fromEntries(PRINTED.map((name) => [name, signal[name]])), delta, fees: signal.fees };
}

/** In the order of ids, as partitions are read in any order; numbers in one form. */
function told(stdout: string): object[] {
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line))
    .map((line) => ({ ...line, delta: format(parseDecimal(line.delta)) })).sort(byId);
}

function byId(a: { readonly id?: string }, b: { readonly id?: string }): number {
  return (a.id ?? '') < (b.id ?? '') ? -1 : 1;
}

async function checkReader(reader: Reader, topic: Topic, state: string, group: string): Promise<void> {
  await topic.write(FIRST_PART);
  await topic.write(FIRST_PART.map((signal) => ({ ...signal, revision: 99 })), { abort: true });
  await topic.write(FIRST_PART.slice(0, 5)); // At least once: repeats.
  const first = await reader.read(topic.address, state);
  assert.deepEqual(told(first), FIRST_PART.map((signal) => lineOf(signal, FIRST)).sort(byId));
  await topic.write(SECOND_PART, { later: true });
  await topic.write([...FIRST_PART.slice(0, 3), FORGOTTEN]);
  await topic.write(SECOND_PART.map((signal) => ({ ...signal, revision: 99 })), { abort: true });
  const second = told(await reader.read(topic.address, state));
  const added = format(subtract(parseDecimal(SECOND), parseDecimal(FIRST)));
  assert.ok(compare(parseDecimal(added), parseDecimal('1.000000000000000002')) === 0);
  const expected = [...SECOND_PART.map((signal) => lineOf(signal, signal.oid === 100 ? '1.5' : added)), lineOf(FORGOTTEN, '2')];
  assert.deepEqual(second, expected.sort(byId));
  await topic.assertBehind(group);
}

describe('in other languages', { concurrency: true }, () => {
  for (const [language, find] of Object.entries({ python: pythonReader, java: javaReader })) {
    test(`${language}: each revision is told once, with what it adds, and nothing that was aborted`, async (t) => {
      const reader = find();
      if (typeof reader === 'string') {
        t.skip(`THE READER IN ${language.toUpperCase()} WAS NOT TRIED: ${reader}`);
        return;
      }
      await checkReader(reader, await Topic.make(servers(), language), join(folderFor(t), 'state'), `subscriber-${language}`);
    });
  }
});
