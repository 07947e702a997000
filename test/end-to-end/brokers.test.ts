// Brokers that are killed while processors work and imports run: signals as if nothing had been.
//
// What is read while it is written is merged as it arrives, and no run of the journal has to agree with that. So two
// installations go through the same kills: one whose journal was there before, and one that is written meanwhile. The topics
// of both are compared with the journal, and their signals with a fold of these topics in the recorded merge.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SETTINGS, Partition, type Signal } from '@fillstream/core';
import { connectionOf, readTopic, withAdmin, type TopicRecord } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { decodeSignal, encodeInput, encodeSignal } from '@fillstream/schemas';
import type { KafkaNode } from '@fillstream/stack';
import { INPUT_TOPICS, readCommit, toLogRecord } from '@fillstream/topics';
import kafkajs from 'kafkajs';
import { Installation, NO_ANOMALIES, anomalies, startServers, type Servers } from './cluster.ts';
import { folderFor, type Running } from './command.ts';
import { SEED, marketLines, writeLines } from './journals.ts';
import { until } from './until.ts';

const { ConfigResourceTypes } = kafkajs; // Node finds no such name in the module, only in its default.
const PARTITIONS = 3;
/** How often each broker is killed, of three and of one; TEST_ROUNDS=… for more. */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 2);
/** Records of the import during which one is killed: more than one append. */
const RECORDS_A_KILL = 12_000;
/** A broker is killed so long after the import's first record is there, at most. */
const LATEST_MS = 500;
/** The only broker is away for so long in every second round: longer than a session. */
const AWAY_MS = 20_000;
const PATIENCE = { patienceMs: 600_000, everyMs: 100 };
const HEADER_BYTES = 5;

/** Each broker is killed in turn, a round after the other, each time during an import. */
async function throughKills(t: TestContext, servers: Servers): Promise<void> {
  const folder = folderFor(t);
  const { nodes } = servers.kafka;
  const pieces = journalPieces(ROUNDS * nodes.length + 1);
  const paths = pieces.map((lines, place) => {
    const path = join(folder, `${String(place)}.ndjson`);
    writeLines(path, lines);
    return path;
  });
  const [still, live] = [new Installation(servers, 'still'), new Installation(servers, 'live')];
  for (const installation of [still, live]) await installation.createTopics(PARTITIONS);
  await still.import(paths);
  for (let round = 0; round < ROUNDS; round += 1) {
    const processors = [still.processor(), live.processor()];
    t.after(() => processors.forEach((processor) => processor.kill('SIGKILL')));
    for (const processor of processors) await processor.heard(/has partitions/);
    const journals = paths.slice(round * nodes.length);
    const absence = { replicas: nodes.length, awayMs: nodes.length === 1 && round % 2 === 1 ? AWAY_MS : 0 };
    for (const [place, victim] of nodes.entries()) await killDuring(live.import(journals.slice(place, place + 1), { finish: false }), live, victim, absence);
    for (const processor of processors) await stopped(processor);
  }
  await live.import(paths.slice(-1));
  for (const installation of [still, live]) await finished(installation);
  for (const installation of [still, live]) await compared(installation, pieces.flat());
}

/**
 * One market in several journals, to be imported in this order. It begins now: of records that are older than a day a broker
 * that is started again doesn't know who wrote them, and writes what is repeated a second time (`producer.id.expiration.ms`).
 */
function journalPieces(count: number): string[][] {
  const lines = marketLines({ seed: SEED, startAt: Date.now(), addresses: 30, records: RECORDS_A_KILL * count });
  return Array.from({ length: count }, (_, place) => lines.slice(place * RECORDS_A_KILL, (place + 1) * RECORDS_A_KILL));
}

type Absence = {
  readonly replicas: number;
  /** Before it is started again. */
  readonly awayMs: number;
};

/** Kills a broker once records of the import are there, starts it again, and waits until it has caught up. */
async function killDuring(importing: Promise<void>, installation: Installation, { process }: KafkaNode, { replicas, awayMs }: Absence): Promise<void> {
  importing.catch(() => undefined); // Awaited below.
  await Promise.race([importing, hasGrown(installation)]);
  await sleep(Math.random() * LATEST_MS);
  await process.kill();
  await sleep(awayMs);
  await process.start();
  await importing;
  // One at a time: the next only when every partition of every topic, Kafka's own too, has all its replicas.
  const isWhole = async (): Promise<boolean> => await withAdmin(connectionOf(installation.kafka), async (admin) => {
    const { topics } = await admin.fetchTopicMetadata();
    return topics.every(({ partitions }) => partitions.every(({ leader, isr }) => leader > 0 && isr.length === replicas));
  });
  await until('all replicas are in sync', isWhole, PATIENCE);
}

async function hasGrown(installation: Installation): Promise<void> {
  const size = async (): Promise<number> => await withAdmin(connectionOf(installation.kafka), async (admin) => {
    const offsets = await admin.fetchTopicOffsets(installation.nameOf('fills'));
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  });
  const before = await size();
  await until('records of the import are there', async () => await size() > before, PATIENCE);
}

async function finished(installation: Installation): Promise<void> {
  const processor = installation.processor();
  await installation.drained(processor);
  await stopped(processor);
}

async function stopped(processor: Running): Promise<void> {
  processor.kill('SIGTERM');
  const { code, stderr } = await processor.ended;
  assert.equal(code, 0, stderr);
}

/** The topics with the journal, and the signals with the topics. */
async function compared(installation: Installation, lines: readonly string[]): Promise<void> {
  const message = `${installation.namespace}, seed ${String(SEED)}`;
  const inputs = await Promise.all(INPUT_TOPICS.map((topic) => readTopic(installation.kafka, topic)));
  assert.deepEqual(differences(inputs, lines), [], message);
  const [commits, signals] = [await readTopic(installation.kafka, 'commits'), await readTopic(installation.kafka, 'signals')];
  assert.deepEqual({ commits: repeated(commits), signals: repeated(signals) }, { commits: [], signals: [] }, message);
  const expected = foldOf(inputs, commits);
  const found = expected.map((lines, partition) => anomalies(of(partition, signals).map((record) => JSON.stringify(decodeSignal(bodyOf(record)))), lines));
  assert.deepEqual(found, expected.map(() => NO_ANOMALIES), message);
}

/** Where the same is written more than once, as `partition: offset, offset`: no two commits are alike, nor two signals. */
function repeated(records: readonly TopicRecord[]): string[] {
  const places = Map.groupBy(records, (record) => `${String(record.partition)} ${bodyOf(record).toString('hex')}`);
  return Array.from(places.values()).filter(({ length }) => length > 1)
    .map((same) => `${String(same[0]?.partition)}: ${same.map(({ offset }) => offset).join(', ')}`);
}

function bodyOf({ value }: TopicRecord): Buffer {
  return (value ?? Buffer.alloc(0)).subarray(HEADER_BYTES);
}

/** The records of one partition, in order. */
function of(partition: number, records: readonly TopicRecord[] = []): TopicRecord[] {
  return records.filter((record) => record.partition === partition).sort((a, b) => a.offset - b.offset);
}

/** Partitions of the input topics that don't have the journal's records, each once and in order, beside ticks. */
function differences(inputs: readonly TopicRecord[][], lines: readonly string[]): string[] {
  const records = lines.map((line) => encodeInput(line)).filter(({ kind }) => kind !== 'tick');
  const wanted = Map.groupBy(records, ({ topic, key }) => `${topic}/${String(partitionOf(key, PARTITIONS))}`);
  return INPUT_TOPICS.flatMap((topic, place) => Array.from({ length: PARTITIONS }, (_, partition) => {
    const held = of(partition, inputs[place]).filter(({ key }) => key !== null).map((record) => bodyOf(record).toString('hex'));
    const expected = (wanted.get(`${topic}/${String(partition)}`) ?? []).map(({ body }) => body.toString('hex'));
    const first = expected.findIndex((body, index) => body !== held[index]);
    const same = first < 0 && held.length === expected.length;
    return same ? '' : `${topic}/${String(partition)} has ${String(held.length)} of ${String(expected.length)} records, the first other one at ${String(first)}`;
  })).filter((difference) => difference !== '');
}

/** By partition, the signals that the inputs make in the merge of the commits, which has to hold all of them. */
function foldOf(inputs: readonly TopicRecord[][], commits: readonly TopicRecord[]): string[][] {
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const signals: Signal[] = [];
    const left = inputs.map((records, topic) => of(partition, records).map((record) => toLogRecord(topic, record.offset, bodyOf(record)).input).reverse());
    const fold = new Partition(DEFAULT_SETTINGS, INPUT_TOPICS.length);
    const fireDue = (): void => { while (fold.fireNext(signals) === 'fired'); };
    for (const { topic, count } of of(partition, commits).flatMap((record) => readCommit(bodyOf(record)).merge)) {
      for (let number = 0; number < count; number += 1) {
        const input = left[topic]?.pop();
        assert.ok(input !== undefined, `the commits of partition ${String(partition)} have more records than topic ${String(topic)}`);
        if (input.receivedAt !== null) fold.state.advance(topic, input.receivedAt);
        fireDue();
        fold.apply(input, signals);
      }
    }
    fireDue();
    assert.deepEqual(left.map(({ length }) => length), [0, 0], `records of partition ${String(partition)} that no commit has`);
    return signals.map((signal) => JSON.stringify(decodeSignal(encodeSignal(signal))));
  });
}

describe('three brokers', () => {
  let servers: Servers | null = null;

  before(async () => {
    servers = await startServers({ brokers: 3 });
  });

  after(async () => {
    await servers?.close();
  });

  test('a processor refuses topics with replication 3 that one replica may acknowledge', async () => {
    assert.ok(servers !== null);
    const installation = new Installation(servers, 'careless');
    await installation.createTopics(1);
    const topic = installation.nameOf('commits');
    await withAdmin(connectionOf(installation.kafka), async (admin) => {
      const configEntries = [{ name: 'min.insync.replicas', value: '1' }];
      await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }] });
    });
    const { code, stderr } = await installation.processor().ended;
    assert.equal(code, 1);
    assert.match(stderr, /careless\.commits has min\.insync\.replicas=1 with replication 3/);
  });

  test('each of three brokers killed in turn changes no signal', async (t) => {
    assert.ok(servers !== null);
    await throughKills(t, servers);
  });
});

test('the only broker killed and started again changes no signal', async (t) => {
  const servers = await startServers();
  t.after(() => servers.close());
  await throughKills(t, servers);
});
