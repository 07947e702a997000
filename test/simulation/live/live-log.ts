// An ingestor's log on the simulated broker, in the steps of the real one (services/ingestor/src/live/kafka-live-log.ts and the
// writer of packages/kafka): one group of records at a time, one request for each partition of a topic.
//
// W1  What is appended while a group is under way becomes the next group, so order is kept.
// W2  A request that isn't answered may have been carried out: its records come again, never out of order.

import { decodeIngestProgress, encodeGap, encodeIngestProgress, type EncodedInput } from '@fillstream/schemas';
import { PortError, partitionOf } from '@fillstream/runtime';
import type { GapRecord, Progress } from '@fillstream/hyperliquid/live';
import type { LiveLog } from '@fillstream/ingestor/live';
import type { SimProcess } from '../process.ts';
import type { Simulation } from '../simulation.ts';
import type { NewRecord } from '../topic.ts';

type WrittenTopic = 'fills' | 'order-updates' | 'ingest-progress' | 'gaps';
type Send = { readonly topic: WrittenTopic; readonly partition: number; readonly records: NewRecord[] };
type Group = { readonly sends: Map<string, Send>; readonly written: PromiseWithResolvers<void> };

const INPUTS = ['fills', 'order-updates'] as const;
/** As the client has it: after that its requests fail. */
const TIMEOUT_MS = 30_000;
const READ_LIMIT = 10_000;

export class SimLiveLog implements LiveLog {
  readonly #simulation: Simulation;
  readonly #process: SimProcess;
  /** The broker can't be reached. */
  readonly #isAway: () => boolean;
  #next = newGroup();
  #writing: Promise<void> | null = null;

  constructor(simulation: Simulation, process: SimProcess, isAway: () => boolean) {
    this.#simulation = simulation;
    this.#process = process;
    this.#isAway = isAway;
  }

  async append(records: readonly EncodedInput[], ticksTo?: readonly number[]): Promise<void> {
    const { partitions } = this.#simulation;
    const all = ticksTo ?? Array.from({ length: partitions }, (_, partition) => partition);
    for (const { kind, topic, key, timestamp, body } of records) {
      const record = { key, timestamp, value: body };
      if (kind === 'tick') for (const each of INPUTS) for (const partition of all) this.#add(each, partition, record);
      else this.#add(topic, partitionOf(key, partitions), record);
    }
    await this.#write();
  }

  async progress(address: string): Promise<Progress | null> {
    const { broker, partitions } = this.#simulation;
    const partition = partitionOf(address, partitions);
    const { records } = await this.#call('progress', () => broker.read('ingest-progress', partition, 0, READ_LIMIT, { committed: true }));
    const value = records.findLast(({ key }) => key === address)?.value ?? null;
    return value === null ? null : decodeIngestProgress(value);
  }

  async saveProgress(address: string, { lastFillAt, tids }: Progress): Promise<void> {
    await this.#note('ingest-progress', address, encodeIngestProgress({ address, lastFillAt, tids }));
  }

  async gap(gap: GapRecord): Promise<void> {
    await this.#note('gaps', gap.address, encodeGap(gap));
  }

  async #note(topic: WrittenTopic, address: string, value: Uint8Array): Promise<void> {
    this.#add(topic, partitionOf(address, this.#simulation.partitions), { key: address, timestamp: Date.now(), value });
    await this.#write();
  }

  #add(topic: WrittenTopic, partition: number, record: NewRecord): void {
    const { sends } = this.#next;
    const place = `${topic}/${String(partition)}`;
    const send = sends.get(place) ?? { topic, partition, records: [] };
    sends.set(place, send);
    send.records.push(record);
  }

  async #write(): Promise<void> {
    const { sends, written } = this.#next;
    if (sends.size === 0) return;
    this.#writing ??= this.#writeGroups();
    await written.promise;
  }

  /** W1. */
  async #writeGroups(): Promise<void> {
    await Promise.resolve();
    while (this.#next.sends.size > 0) {
      const { sends, written } = this.#next;
      this.#next = newGroup();
      await this.#send([...sends.values()]).then(written.resolve, written.reject);
    }
    this.#writing = null;
  }

  async #send(sends: readonly Send[]): Promise<void> {
    const outcomes = await Promise.allSettled(sends.map(async ({ topic, partition, records }) => {
      await this.#call('append', () => this.#simulation.broker.append(topic, partition, records));
    }));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #call<T>(name: string, effect: () => T): Promise<T> {
    if (!this.#isAway()) return await this.#process.call(`ingestor ${name}`, effect);
    await new Promise<void>((resolve) => setTimeout(resolve, TIMEOUT_MS));
    throw new PortError('log-broken', `${name}: no broker answers`, { retryable: true });
  }
}

function newGroup(): Group {
  const written = Promise.withResolvers<void>();
  written.promise.catch(() => undefined); // Met by who appended, if anybody did.
  return { sends: new Map(), written };
}
