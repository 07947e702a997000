// `npm run bench:extremes`: what one busy address, and a hundred thousand timers due at one tick, do to everybody else.
//
//   --timers N     orders whose timers are due at once (100,000)
//   --seconds N    of the load with a busy address (20), and of the same load spread evenly, which is the baseline
//   --record       a line for the history
//
// Probes are orders of other addresses, complete at once; what is told is how long each took from being sent to a reader of
// committed signals. The busy address has a tenth of all records.

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { KafkaInputWriter, connectionOf, readTopic } from '@fillstream/kafka';
import { decodeCommit, decodeSignal, encodeRecord, encodeTick, type EncodedInput } from '@fillstream/schemas';
import { figure, quantileOf, type Figure } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { peakMiB } from './kafka-machine.ts';
import { Installation, startServers, type Running, type Servers } from './kafka-stack.ts';

const HEADER_BYTES = 5;
const PARTITIONS = 4;
const COMMAND = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const READY = /partition \d+ (?:resumed|rebuilt|caught-up)/g;
const TIMEOUT_MS = 300_000;
const STEP_MS = 20;
const RATE = 5_000;
const BUSY = addressOf(0);
const OTHERS = 1_000;
const PROBES = 25;
const APPEND = 5_000;

/** RATE records a second; each tenth is one address's when it is `busy`. */
async function busyAddress(on: Servers, seconds: number, busy: boolean): Promise<Told> {
  const stand = await Stand.make(on, busy ? 'busy' : 'even');
  const probes = await stand.probes();
  let oid = 1;
  const began = Date.now();
  for (let sent = 0; sent < seconds * RATE;) {
    const due = Math.min(seconds * RATE, Math.floor((Date.now() - began) * RATE / 1_000));
    const records: EncodedInput[] = [];
    for (; sent < due; sent += 2, oid += 1) records.push(...orderOf(busy && oid % 10 === 0 ? BUSY : addressOf(1 + oid % OTHERS), oid, Date.now()));
    for (const { timestamp, address, number } of probesOf(records, oid)) {
      probes.expect(number, timestamp);
      records.push(...orderOf(address, number, timestamp));
    }
    await stand.writer.append(records);
    await sleep(STEP_MS);
  }
  return tell(busy ? 'one address has a tenth of all records' : 'all addresses have the same', { 'records/s': RATE, ...await stand.ended(probes) });
}

async function manyTimers(on: Servers, timers: number): Promise<Told> {
  const stand = await Stand.make(on, 'timers');
  const from = Date.now() - TIMEOUT_MS + 60_000;
  for (let oid = 1; oid <= timers;) {
    const records: EncodedInput[] = [];
    for (; oid <= timers && records.length < APPEND; oid += 1) records.push(fillOf(addressOf(oid % OTHERS), oid, from));
    await stand.writer.append(records);
  }
  await stand.processed();
  const before = peakMiB(stand.processor.pid);
  const probes = await stand.probes();
  const at = from + TIMEOUT_MS;
  await stand.writer.append([tickOf(at)]);
  for (let place = 0; place < PROBES * 4; place += 1) {
    const number = 1e9 + place;
    probes.expect(number, Date.now());
    await stand.writer.append(orderOf(addressOf(OTHERS + 1 + place), number, at + 1 + place));
    await sleep(STEP_MS);
  }
  return tell(`${timers.toLocaleString('en')} timers due at one tick`, { 'MiB before': Math.round(before), ...await stand.ended(probes) });
}

/** A processor on topics of its own. */
class Stand {
  readonly processor: Running;
  readonly writer: KafkaInputWriter;
  readonly #installation: Installation;

  static async make(on: Servers, name: string): Promise<Stand> {
    const installation = new Installation(on, `extremes-${name}`, COMMAND);
    await installation.createTopics(PARTITIONS);
    const processor = installation.processor();
    while ((processor.said().match(READY) ?? []).length < PARTITIONS) await sleep(50);
    return new Stand(installation, processor, await KafkaInputWriter.connect(installation.kafka, { url: on.registry }));
  }

  private constructor(installation: Installation, processor: Running, writer: KafkaInputWriter) {
    this.#installation = installation;
    this.processor = processor;
    this.writer = writer;
  }

  async processed(): Promise<void> {
    const lag = await this.#installation.lag();
    while (await lag() > 0) await sleep(50);
  }

  async probes(): Promise<Probes> {
    return await Probes.watch(this.#installation);
  }

  /** Waits for all of it; latencies in milliseconds. */
  async ended(probes: Probes): Promise<Record<string, number>> {
    const latencies = await probes.all();
    const peak = peakMiB(this.processor.pid);
    await this.processor.end();
    await this.writer.close();
    const commits = (await readTopic(this.#installation.kafka, 'commits')).map(({ value }) => decodeCommit((value ?? Buffer.alloc(0)).subarray(HEADER_BYTES)));
    const signals = commits.map(({ counts }) => counts['signals'] ?? 0);
    const share = (part: number): number => Math.round(quantileOf(latencies, part));
    return {
      probes: latencies.length, 'p50 ms': share(0.5), 'p99 ms': share(0.99), 'greatest ms': share(1), 'MiB peak': Math.round(peak),
      commits: commits.length, signals: signals.reduce((sum, count) => sum + count, 0), 'most signals in a commit': Math.max(...signals),
    };
  }
}

/** Orders that are waited for, and when each was sent. */
class Probes {
  readonly #sentAt = new Map<number, number>();
  readonly #latencies: number[] = [];
  readonly #close: () => Promise<void>;

  static async watch(installation: Installation): Promise<Probes> {
    const topic = installation.nameOf('signals');
    const consumer = connectionOf(installation.kafka).consumer({ groupId: `${topic}-probes`, allowAutoTopicCreation: false, maxWaitTimeInMs: 20 });
    const probes = new Probes(async () => {
      await consumer.disconnect();
    });
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => {
      await Promise.resolve();
      for (const { value } of batch.messages) if (value !== null) probes.#seen(decodeSignal(value.subarray(HEADER_BYTES)).oid);
    } });
    await joined;
    return probes;
  }

  private constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  expect(oid: number, sentAt: number): void {
    this.#sentAt.set(oid, sentAt);
  }

  /** In ascending order, when all have come. */
  async all(): Promise<number[]> {
    while (this.#sentAt.size > 0) await sleep(STEP_MS);
    await this.#close();
    return this.#latencies.sort((a, b) => a - b);
  }

  #seen(oid: number): void {
    const sentAt = this.#sentAt.get(oid);
    if (sentAt === undefined) return;
    this.#sentAt.delete(oid);
    this.#latencies.push(Date.now() - sentAt);
  }
}

/** One probe for each append that has records. */
function probesOf(records: readonly EncodedInput[], oid: number): { readonly number: number; readonly address: string; readonly timestamp: number }[] {
  return records.length === 0 ? [] : [{ number: 1e9 + oid, address: addressOf(OTHERS + 1 + oid % PROBES), timestamp: Date.now() }];
}

function addressOf(number: number): string {
  return `0x${number.toString(16).padStart(8, '0').repeat(5)}`;
}

/** An order that is complete: a fill and its end. */
function orderOf(address: string, oid: number, at: number): EncodedInput[] {
  const order = { coin: 'BTC', side: 'B', limitPx: '100000', sz: '0.0', oid, timestamp: at, origSz: '0.01' };
  return [fillOf(address, oid, at), encodeRecord({ kind: 'orderUpdate', address, receivedAt: at, data: { order, status: 'filled', statusTimestamp: at } })];
}

function fillOf(address: string, oid: number, at: number): EncodedInput {
  const data = {
    coin: 'BTC', px: '100000', sz: '0.01', side: 'B', time: at, startPosition: '0.0', dir: 'Open Long', closedPnl: '0.0',
    hash: `0x${'0'.repeat(64)}`, oid, crossed: true, fee: '0.4', tid: oid, feeToken: 'USDC',
  };
  return encodeRecord({ kind: 'fill', address, receivedAt: at, data });
}

function tickOf(at: number): EncodedInput {
  return { kind: 'tick', topic: 'fills', key: null, timestamp: at, body: encodeTick(at) };
}

type Told = { readonly what: string; readonly figures: Readonly<Record<string, number>> };

function tell(what: string, figures: Record<string, number>): Told {
  console.log(`${what}: ${Object.entries(figures).map(([name, value]) => `${name} ${value.toLocaleString('en')}`).join(', ')}`);
  return { what, figures };
}

function figuresOf(told: readonly Told[]): Figure[] {
  const [even] = told;
  const units: Readonly<Record<string, string>> = { 'p50 ms': 'ms', 'p99 ms': 'ms', 'greatest ms': 'ms', 'MiB peak': 'MiB', 'commits': 'commits', 'most signals in a commit': 'signals' };
  return told.flatMap(({ what, figures }) => Object.entries(units).map(([name, unit]) => {
    const base = name === 'p99 ms' && even !== undefined ? [even.figures[name] ?? NaN] : null;
    return figure(what, name.replace(/ (?:ms|MiB)$|MiB /, ''), unit, [figures[name] ?? NaN], { base });
  }));
}

const { values: flags } = parseArgs({ options: { ...RECORD_OPTION,  timers: { type: 'string', default: '100000' }, seconds: { type: 'string', default: '20' } } });
const recorder = new Recorder('extremes', flags);
const servers = await startServers();
try {
  const seconds = Number(flags.seconds);
  const told = [await busyAddress(servers, seconds, false), await busyAddress(servers, seconds, true), await manyTimers(servers, Number(flags.timers))];
  recorder.add({ settings: { seconds, timers: Number(flags.timers), rate: RATE }, baseline: 'the same load spread evenly', figures: figuresOf(told) });
} finally {
  await servers.close();
}
