// `npm run bench:gateway`: how long after a signal was sent to its topic it has reached the clients of a gateway.
//
//   --clients N       WebSockets (1,000), each following ten of a thousand addresses        --rate N    signals a second (1,000)
//   --warm-up S       seconds that aren't counted (10)     --measure S   seconds that are (30)
//   --runs N          (3)                                  --quick       one run of 3 and 8 seconds
//   --record          a line for the history
//
// The writer and the clients are this process, the gateway is another. A sample begins before a signal is sent to Kafka and ends
// when a client has its message; `kafka` is the baseline in the same seconds: a bare consumer of the topic. Each run is measured
// three times: the clients alone, beside one that asked for everything and never reads, and beside one that asks ten times over each
// limit (a process of its own); the p99 of the first is the baseline of the others. The limits are the defaults, so the clients
// come from as many loopback addresses as they need. Memory is the gateway's resident set before the clients came and after they
// subscribed. The result goes to standard output, and as one line of JSON to .fillstream/bench-gateway.ndjson.

import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { WireFormat, connectionOf, registryOf } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { encodeSignal } from '@fillstream/schemas';
import type { Producer } from 'kafkajs';
import { WebSocket } from 'ws';
import { CpuMeter } from './kafka-machine.ts';
import { Installation, startServers, type Servers } from './kafka-stack.ts';
import { clock } from './live-observer.ts';
import { figure, quantileOf, type Figure } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { launchCommand, launchScript, type Launched } from './live-processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const RESULTS = join(ROOT, '.fillstream');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const [ADDRESSES, FOLLOWED, PARTITIONS] = [1_000, 10, 4];
const BATCH_MS = 10;
const AFTER_MS = 2_000;
/** Half of what one may have. */
const CLIENTS_AN_ADDRESS = 25;
const GREEDY = '127.0.99.1';
/** The first second of its asking isn't counted. */
const GREEDY_MS = 1_000;

type Plan = { readonly record: boolean; readonly clients: number; readonly rate: number; readonly warmUp: number; readonly measured: number; readonly runs: number };

/** Milliseconds; `cores`: CPU seconds a second of the gateway. */
type Row = {
  readonly step: string; readonly deliveriesPerSecond: number; readonly p50: number; readonly p99: number; readonly greatest: number;
  readonly kafkaP50: number; readonly kafkaP99: number; readonly kibPerClient: number; readonly cores: number; readonly foreign: number;
};

/** When each signal was sent, by order id, and how long it took to whom. */
class Watch {
  readonly sentAt = new Map<number, number>();
  samples: number[] = [];
  ofKafka: number[] = [];

  note(oid: number, samples: number[]): void {
    const sentAt = this.sentAt.get(oid);
    if (sentAt !== undefined) samples.push(clock() - sentAt);
  }

  begin(): void {
    [this.samples, this.ofKafka] = [[], []];
  }
}

async function main(plan: Plan): Promise<void> {
  const cpu = `${cpus()[0]?.model ?? ''} × ${String(availableParallelism())}`;
  console.log(`${cpu}, Node ${process.version}, load ${loadavg().map((load) => load.toFixed(2)).join(' ')}`);
  const loadBefore = loadavg();
  const recorder = new Recorder('gateway', plan);
  const servers = await startServers();
  const rows: Row[] = [];
  try {
    for (let run = 1; run <= plan.runs; run += 1) rows.push(...await measure(plan, servers, `run${String(run)}`));
  } finally {
    await servers.close();
  }
  printTable(rows);
  mkdirSync(RESULTS, { recursive: true });
  const results = { at: new Date().toISOString(), cpu, node: process.version, ...plan, record: undefined, loadBefore, loadAfter: loadavg(), rows };
  appendFileSync(join(RESULTS, 'bench-gateway.ndjson'), `${JSON.stringify(results)}\n`);
  const { clients, rate, warmUp, measured, runs } = plan;
  recorder.add({ settings: { clients, rate, warmUp, measured, runs }, baseline: 'for the first row Kafka alone, for the others the first row', figures: figuresOf(rows) });
}

function figuresOf(rows: readonly Row[]): Figure[] {
  const steps = Map.groupBy(rows, ({ step }) => step);
  const alone = steps.values().next().value ?? [];
  return [...steps].flatMap(([step, runs]) => {
    const base = runs === alone ? runs.map(({ kafkaP99 }) => kafkaP99) : alone.map(({ p99 }) => p99);
    return [
      figure(step, 'p99', 'ms', runs.map(({ p99 }) => p99), { base }), figure(step, 'p50', 'ms', runs.map(({ p50 }) => p50)),
      figure(step, 'greatest', 'ms', runs.map(({ greatest }) => greatest)), figure(step, 'p99 of Kafka alone', 'ms', runs.map(({ kafkaP99 }) => kafkaP99)),
      figure(step, 'deliveries', '1/s', runs.map(({ deliveriesPerSecond }) => deliveriesPerSecond)), figure(step, 'gateway', 'cores', runs.map(({ cores }) => cores)),
      figure(step, 'memory a client', 'KiB', runs.map(({ kibPerClient }) => kibPerClient)),
    ];
  });
}

async function measure(plan: Plan, servers: Servers, namespace: string): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-bench-gateway-'));
  const installation = new Installation(servers, namespace, COMMAND);
  await installation.createTopics(PARTITIONS);
  const watch = new Watch();
  const stopReading = await readTopic(installation, watch);
  const gateway = launchCommand(['gateway', '--kafka', servers.kafka, '--registry', servers.registry, '--namespace', namespace, '--listen', '127.0.0.1:0', '--model', folder]);
  const [, url = ''] = await gateway.saying(/at (http:\S+)/);
  const before = residentKiB(gateway);
  const clients = await Promise.all(Array.from({ length: plan.clients }, async (_, number) => await connected(url, followed(number), watch, `127.0.${String(1 + Math.floor(number / CLIENTS_AN_ADDRESS / 200))}.${String(1 + Math.floor(number / CLIENTS_AN_ADDRESS) % 200)}`)));
  await sleep(1_000);
  const kibPerClient = (residentKiB(gateway) - before) / plan.clients;
  const writing = new AbortController();
  const written = write(installation, servers, plan.rate, watch, writing.signal);
  try {
    await sleep(1_000 * plan.warmUp);
    const first = await sampled('all read', plan, gateway, watch, kibPerClient);
    const silent = await connected(url, [], watch, '127.0.0.1');
    silent.pause();
    const second = await sampled('one never reads', plan, gateway, watch, kibPerClient);
    silent.terminate();
    const greedy = launchScript(join(import.meta.dirname, 'gateway-greedy.ts'), [url, GREEDY]);
    await sleep(GREEDY_MS);
    const third = await sampled('one asks ten times over each limit', plan, gateway, watch, kibPerClient, [greedy.pid]);
    const asked = once(greedy.stdout, 'data');
    await greedy.end();
    console.log(`it asked for ${String((await asked)[0]).trim()}`);
    return [first, second, third];
  } finally {
    writing.abort();
    await written;
    for (const client of clients) client.terminate();
    await stopReading();
    await gateway.end();
    await installation.remove();
    rmSync(folder, { recursive: true });
  }
}

async function sampled(step: string, plan: Plan, gateway: Launched, watch: Watch, kibPerClient: number, besides: readonly number[] = []): Promise<Row> {
  watch.begin();
  const meter = new CpuMeter(new Map([['gateway', [gateway.pid]], ['bench', [process.pid, ...besides]]]));
  await sleep(1_000 * plan.measured);
  const { seconds, elapsed, foreign } = meter.read();
  const [samples, ofKafka] = [watch.samples, watch.ofKafka].map((all) => all.toSorted((a, b) => a - b));
  const share = (all: readonly number[] | undefined, part: number): number => quantileOf(all ?? [], part);
  const row = {
    step, deliveriesPerSecond: (samples?.length ?? 0) / elapsed, p50: share(samples, 0.5), p99: share(samples, 0.99), greatest: share(samples, 1),
    kafkaP50: share(ofKafka, 0.5), kafkaP99: share(ofKafka, 0.99), kibPerClient, cores: (seconds.get('gateway') ?? NaN) / elapsed, foreign,
  };
  console.log(`${step}: ${row.deliveriesPerSecond.toFixed(0)} deliveries/s, p50 ${row.p50.toFixed(1)}, p99 ${row.p99.toFixed(1)}, greatest ${row.greatest.toFixed(0)} ms; `
    + `Kafka alone p50 ${row.kafkaP50.toFixed(1)}, p99 ${row.kafkaP99.toFixed(1)} ms; ${row.cores.toFixed(2)} cores, ${kibPerClient.toFixed(0)} KiB a client, others ${(100 * foreign).toFixed(0)} %`);
  return row;
}

function followed(client: number): string[] {
  return Array.from({ length: FOLLOWED }, (_, place) => testAddress((client + place * 97) % ADDRESSES));
}

/** Subscribed, from now on; none: to all addresses. */
async function connected(url: string, addresses: readonly string[], watch: Watch, localAddress: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'fillstream.v1', { localAddress });
  await once(socket, 'open');
  const live = Promise.withResolvers<void>();
  socket.on('message', (data: Buffer) => {
    const text = data.toString('latin1');
    if (text.startsWith('{"type":"live"')) live.resolve();
    const place = text.indexOf('"oid":');
    if (place >= 0) watch.note(Number.parseInt(text.slice(place + 6, place + 24), 10), watch.samples);
  });
  socket.send(JSON.stringify({ type: 'subscribe', id: 'bench', from: 'latest', ...(addresses.length === 0 ? {} : { filter: { addresses } }) }));
  await live.promise;
  return socket;
}

/** Signals of the thousand addresses in turn, as many each ten milliseconds. */
async function write(installation: Installation, servers: Servers, rate: number, watch: Watch, stop: AbortSignal): Promise<void> {
  const topic = installation.nameOf('signals');
  const format = await WireFormat.of(registryOf({ url: servers.registry }), 'signals', topic);
  const producer = connectionOf(installation.kafka).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const sending = new Set<Promise<unknown>>();
  const began = clock();
  for (let sent = 0; !stop.aborted;) {
    const due = Math.floor((clock() - began) / 1_000 * rate) - sent;
    for (const [partition, messages] of batch(sent, due, format, watch)) {
      const sendingOne = send(producer, topic, partition, messages).finally(() => sending.delete(sendingOne));
      sending.add(sendingOne);
    }
    sent += due;
    await sleep(BATCH_MS);
  }
  await Promise.all(sending);
  await sleep(AFTER_MS);
  await producer.disconnect();
}

type Message = { readonly key: string; readonly value: Buffer; readonly headers: Readonly<Record<string, string>> };

function batch(from: number, count: number, format: WireFormat, watch: Watch): Map<number, Message[]> {
  const messages = new Map<number, Message[]>();
  for (let number = from; number < from + count; number += 1) {
    const signal = testSignal({ address: testAddress(number % ADDRESSES) });
    const partition = partitionOf(signal.address, PARTITIONS);
    const group = messages.get(partition) ?? [];
    group.push({ key: signal.address, value: format.frame(encodeSignal(signal)), headers: { emittedAt: String(Date.now()) } });
    messages.set(partition, group);
    watch.sentAt.set(signal.oid, clock());
  }
  return messages;
}

async function send(producer: Producer, topic: string, partition: number, messages: readonly Message[]): Promise<void> {
  await producer.send({ topic, acks: -1, messages: messages.map((message) => ({ ...message, partition })) });
}

/** The baseline: a bare consumer. What it returns ends it. */
async function readTopic(installation: Installation, watch: Watch): Promise<() => Promise<void>> {
  const topic = installation.nameOf('signals');
  const consumer = connectionOf(installation.kafka).consumer({ groupId: `${topic}-bench`, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const seen = new Map<number, number>();
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { partition, messages } }) => {
      await Promise.resolve();
      for (const { value, offset } of messages) {
        if (Number(offset) < (seen.get(partition) ?? 0) || value === null) continue;
        seen.set(partition, Number(offset) + 1);
        watch.note(oidOf(value), watch.ofKafka);
      }
    },
  });
  return async () => {
    await consumer.disconnect();
  };
}

/** Of the id, which is the first text of the body. */
function oidOf(value: Buffer): number {
  return Number(/\/(\d+)\//.exec(value.toString('latin1', 0, 120))?.[1] ?? NaN);
}

function residentKiB({ pid }: Launched): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? NaN);
}

function printTable(rows: readonly Row[]): void {
  console.log('\n| | deliveries/s | p50 ms | p99 ms | p99 of Kafka alone | ratio | KiB a client | cores |\n|---|---|---|---|---|---|---|---|');
  for (const [step, runs] of Map.groupBy(rows, (row) => row.step)) {
    const range = (of: (row: Row) => number, digits = 1): string => {
      const values = runs.map(of).sort((a, b) => a - b);
      return [values[0], values[Math.floor(values.length / 2)], values.at(-1)].map((value) => (value ?? NaN).toFixed(digits)).join(' / ');
    };
    console.log(`| ${step} | ${range((row) => row.deliveriesPerSecond, 0)} | ${range(({ p50 }) => p50)} | ${range(({ p99 }) => p99)} | ${range(({ kafkaP99 }) => kafkaP99)} `
      + `| ${range(({ p99, kafkaP99 }) => p99 / kafkaP99, 2)} | ${range((row) => row.kibPerClient, 0)} | ${range(({ cores }) => cores, 2)} |`);
  }
  console.log('least / median / greatest of the runs');
}

function planOf(): Plan {
  const { values } = parseArgs({ options: {
    'clients': { type: 'string', default: '1000' }, 'rate': { type: 'string', default: '1000' }, 'warm-up': { type: 'string' }, 'measure': { type: 'string' },
    'runs': { type: 'string' }, ...RECORD_OPTION, 'quick': { type: 'boolean', default: false },
  } });
  const number = (given: string | undefined, usual: number, quick: number): number => Number(given ?? (values.quick ? quick : usual));
  return {
    record: values.record, clients: Number(values.clients), rate: Number(values.rate),
    warmUp: number(values['warm-up'], 10, 3), measured: number(values.measure, 30, 8), runs: number(values.runs, 3, 1),
  };
}

await main(planOf());
