// The broker's twin: topics, transactions, fencing, group offsets, as a broker has them. Its methods are what happens at the
// broker, at once; the way there and back is SimProcess.call's.
//
// B1  A record of a transaction is seen by readers of what is committed once its marker is written, in the order of the log: a
//     reader stops before the first transaction that is open (LSO).
// B2  An end of a transaction is decided at once, and its markers are written some time later, topic by topic; until then its
//     offsets aren't seen, and neither the next transaction nor the next producer gets on.
// B3  A new producer of a transactional id makes every earlier one fenced, from then on.

import { PortError } from '@fillstream/runtime';
import type { Topic } from '@fillstream/schemas';
import { SimTopic, type NewRecord, type Records } from './topic.ts';
import type { Simulation } from './simulation.ts';

export type TopicName = Topic | 'gaps' | 'ingest-progress';

export const TOPICS: readonly TopicName[] = [
  'fills', 'order-updates', 'signals', 'quarantine', 'commits', 'repairs', 'gaps', 'ingest-progress',
];

const INPUTS = ['fills', 'order-updates'] as const;

/** What a group has committed of one partition of a topic. */
export type GroupOffset = { readonly topic: TopicName; readonly partition: number; readonly offset: number; readonly metadata: string };

/** A producer as the broker knows it: whoever has a greater epoch has taken its place. */
export type ProducerSession = { readonly id: string; readonly epoch: number };

type Transaction = {
  readonly parts: Set<SimTopic>;
  readonly offsets: Map<string, GroupOffset>;
};

type Transactional = {
  readonly id: string;
  epoch: number;
  /** `ending`: decided, and its markers not written yet. */
  state: 'none' | 'open' | 'ending';
  transaction: Transaction;
  /** Told when the end is complete. */
  readonly waiting: (() => void)[];
};

/** A transaction that isn't ended by then is aborted. */
const TRANSACTION_TIMEOUT_MS = 8_000;

export class SimBroker {
  readonly #simulation: Simulation;
  readonly #topics = new Map<string, SimTopic>();
  readonly #transactionals = new Map<string, Transactional>();
  readonly #groups = new Map<string, GroupOffset>();
  readonly #decided = new Map<string, number>();

  constructor(simulation: Simulation, partitions: number) {
    this.#simulation = simulation;
    for (const name of TOPICS) {
      for (let partition = 0; partition < partitions; partition += 1) this.#topics.set(keyOf(name, partition), new SimTopic(name, partition));
    }
  }

  topic(name: TopicName, partition: number): SimTopic {
    const found = this.#topics.get(keyOf(name, partition));
    if (found === undefined) throw new RangeError(`no ${keyOf(name, partition)}`);
    return found;
  }

  // ---- plain producers and readers

  /** Durable at once; asked again, it is there twice. Returns the first offset. */
  append(name: TopicName, partition: number, records: readonly NewRecord[]): number {
    const topic = this.topic(name, partition);
    const first = topic.end;
    for (const record of records) topic.append(record, null);
    topic.tellWaiting();
    return first;
  }

  /** Records from an offset on; `next` goes on after what is no record, too. */
  read(name: TopicName, partition: number, from: number, limit: number, options: { readonly committed: boolean }): Records {
    return this.topic(name, partition).read(from, limit, options.committed);
  }

  end(name: TopicName, partition: number): number {
    return this.topic(name, partition).end;
  }

  /** Where a reader of what is committed has to stop. */
  lso(name: TopicName, partition: number): number {
    return this.topic(name, partition).lso;
  }

  /** Resolves when a reader of what is committed can go beyond an offset, or after `ms`; for the effect of a call. */
  async waitFor(name: TopicName, partition: number, from: number, ms: number): Promise<void> {
    const topic = this.topic(name, partition);
    if (topic.lso > from) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#simulation.time.after(ms, resolve);
    topic.wait(from, () => {
      timer.cancel();
      resolve();
    });
    await promise;
  }

  // ---- transactions

  /** Fences the one before, ends what it left open, and resolves when that is complete (B2, B3). */
  async initProducer(id: string): Promise<ProducerSession> {
    const held = this.#transactional(id);
    held.epoch += 1;
    const session = { id, epoch: held.epoch };
    this.#simulation.trace(`producer ${id} ${held.epoch}`);
    if (held.state === 'open') {
      this.#simulation.count('broker: aborted by a new producer');
      this.#end(held, false);
    }
    await this.#settled(held);
    this.#assertNewest(session);
    return session;
  }

  /** Sends within the producer's transaction, which it begins. */
  async send(session: ProducerSession, name: TopicName, partition: number, records: readonly NewRecord[]): Promise<void> {
    const held = await this.#begun(session);
    const topic = this.topic(name, partition);
    held.transaction.parts.add(topic);
    for (const record of records) topic.append(record, held.id);
  }

  async sendOffsets(session: ProducerSession, offsets: readonly GroupOffset[]): Promise<void> {
    const held = await this.#begun(session);
    for (const offset of offsets) held.transaction.offsets.set(keyOf(offset.topic, offset.partition), offset);
  }

  /** Decides the open transaction; the markers follow (B2). */
  endTransaction(session: ProducerSession, isCommit: boolean): void {
    const held = this.#assertNewest(session);
    if (held.state === 'open') this.#end(held, isCommit);
    else if (held.state === 'ending') throw new PortError('unknown-outcome', `the transaction of ${session.id} is being ended`, { retryable: true });
  }

  /** What the group has committed, as far as markers are written (B2). */
  groupOffset(name: TopicName, partition: number): GroupOffset | null {
    return this.#groups.get(keyOf(name, partition)) ?? null;
  }

  /** By input topic, what is decided of a partition, seen or not. */
  decidedOffsets(partition: number): readonly number[] {
    return INPUTS.map((name) => this.#decided.get(keyOf(name, partition)) ?? 0);
  }

  /** Where a group that has forgotten its offsets would go on, too. */
  committedTo(name: (typeof INPUTS)[number], partition: number): number {
    return this.groupOffset(name, partition)?.offset ?? this.#decided.get(keyOf(name, partition)) ?? 0;
  }

  /** As after a week without members. */
  forgetOffsets(partition: number): void {
    for (const name of INPUTS) this.#groups.delete(keyOf(name, partition));
  }

  commitOffset(offset: GroupOffset): void {
    this.#groups.set(keyOf(offset.topic, offset.partition), offset);
  }

  // ---- what goes wrong

  /** Aborts what is open, as after a transaction's time-out; whether anything was. */
  abortOpen(id: string): boolean {
    const held = this.#transactionals.get(id);
    if (held?.state !== 'open') return false;
    held.epoch += 1;
    this.#end(held, false);
    return true;
  }

  #transactional(id: string): Transactional {
    const known = this.#transactionals.get(id);
    if (known !== undefined) return known;
    const made: Transactional = { id, epoch: -1, state: 'none', transaction: newTransaction(), waiting: [] };
    this.#transactionals.set(id, made);
    return made;
  }

  #assertNewest({ id, epoch }: ProducerSession): Transactional {
    const held = this.#transactional(id);
    if (held.epoch === epoch) return held;
    this.#simulation.count('broker: fenced');
    throw new PortError('fenced', `${id} has epoch ${String(held.epoch)}, and was asked with ${String(epoch)}`, { retryable: true });
  }

  async #settled(held: Transactional): Promise<void> {
    while (held.state === 'ending') await new Promise<void>((resolve) => held.waiting.push(resolve));
  }

  async #begun(session: ProducerSession): Promise<Transactional> {
    const held = this.#assertNewest(session);
    if (held.state === 'ending') {
      await this.#settled(held);
      this.#assertNewest(session);
    }
    if (held.state === 'none') {
      held.state = 'open';
      const { transaction } = held;
      this.#simulation.time.after(TRANSACTION_TIMEOUT_MS, () => {
        if (held.transaction !== transaction || held.state !== 'open') return;
        this.#simulation.count('broker: transaction timed out');
        this.abortOpen(held.id);
      });
    }
    return held;
  }

  #end(held: Transactional, isCommit: boolean): void {
    const { time } = this.#simulation;
    const { parts, offsets } = held.transaction;
    held.state = 'ending';
    if (isCommit) for (const { topic, partition, offset } of offsets.values()) this.#decided.set(keyOf(topic, partition), offset);
    this.#simulation.trace(`${held.id} ${isCommit ? 'commits' : 'aborts'} ${parts.size} parts`);
    let left = parts.size + 1;
    const done = (): void => {
      left -= 1;
      if (left > 0) return;
      held.state = 'none';
      held.transaction = newTransaction();
      for (const tell of held.waiting.splice(0)) tell();
    };
    for (const topic of parts) {
      time.after(this.#markerDelay(), () => {
        topic.mark(held.id, isCommit);
        done();
      });
    }
    time.after(this.#markerDelay(), () => {
      if (isCommit) for (const offset of offsets.values()) this.commitOffset(offset);
      done();
    });
  }

  /** Mostly soon, now and then long after. */
  #markerDelay(): number {
    const { random } = this.#simulation;
    if (!random.chance(this.#simulation.weather.slowMarkers)) return this.#simulation.travel();
    this.#simulation.count('broker: slow markers');
    return random.between(50, 1_500);
  }
}

function newTransaction(): Transaction {
  return { parts: new Set(), offsets: new Map() };
}

function keyOf(topic: TopicName, partition: number): string {
  return `${topic}/${String(partition)}`;
}
