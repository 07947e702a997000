// EventLog of one process on the broker's twin, in the steps of the real adapter: fence, read what is committed, follow the
// inputs, commit in one transaction.
//
// K1  What is committed is read after the fence, from the group's offsets; where they were forgotten, from the topic `commits`.
// K2  After any error a producer is of no more use, and its outcome unknown.

import { PortError, startOf, type EventLog, type HistoryPoint, type PartitionLog } from '@fillstream/runtime';
import { INPUT_TOPICS, readCommit } from '@fillstream/topics';
import { committedPointOf, type CommittedPoint } from '../../packages/kafka/src/committed-offsets.ts';
import type { ProducerSession } from './broker.ts';
import type { SimMember } from './group.ts';
import { SimPartition } from './partition-log.ts';
import type { SimProcess } from './process.ts';
import type { Simulation } from './simulation.ts';

const FENCE_MS = 5_000;
const READ_RECORDS = 200;

export class SimLog implements EventLog {
  readonly inputs = INPUT_TOPICS.map((name, clock) => ({ name, clock }));
  readonly simulation: Simulation;
  readonly process: SimProcess;
  readonly #member: SimMember;

  constructor(simulation: Simulation, process: SimProcess, member: SimMember) {
    this.simulation = simulation;
    this.process = process;
    this.#member = member;
  }

  async assigned(partition: number): Promise<void> {
    await this.#member.confirm(partition);
  }

  async open(partition: number): Promise<PartitionLog> {
    const producer = await this.#fence(partition);
    const { start, point } = await this.#committed(partition);
    const ends = await this.process.call('ends', () => INPUT_TOPICS.map((name) => this.simulation.broker.lso(name, partition)));
    this.simulation.trace(`${this.process.name} opens ${partition} at ${point.position.offsets.join(',')}+${point.position.fired} ${point.id}`);
    return new SimPartition({
      simulation: this.simulation, process: this.process, producer, partition, ends, committed: point,
      start: { ...startOf(INPUT_TOPICS.length), position: { offsets: start, fired: 0 } },
    });
  }

  async #fence(partition: number): Promise<ProducerSession> {
    const { broker } = this.simulation;
    const producer = await this.process.call('fence', async () => await broker.initProducer(`processor-${String(partition)}`), { timeoutMs: FENCE_MS });
    return producer;
  }

  /** K1. */
  async #committed(partition: number): Promise<CommittedPoint> {
    const { broker } = this.simulation;
    const found = await this.process.call('offsets', () => INPUT_TOPICS.map((name) => broker.groupOffset(name, partition)));
    const point = committedPointOf(found.map((each) => ({ offset: String(each?.offset ?? -1), metadata: each?.metadata ?? null })));
    return point ?? await this.#lastCommit(partition) ?? beginning();
  }

  /** What the topic `commits` ends with; null when it is empty. */
  async #lastCommit(partition: number): Promise<CommittedPoint | null> {
    const { broker } = this.simulation;
    let start: readonly number[] | null = null;
    let last: HistoryPoint | null = null;
    for (let from = 0; ;) {
      const at = from;
      const { records, next } = await this.process.call('last commit', () => broker.read('commits', partition, at, READ_RECORDS, { committed: true }));
      for (const { value } of records) {
        if (value === null) throw new PortError('log-broken', 'a commit without a value', { retryable: false });
        const commit = readCommit(value);
        start ??= commit.from;
        last = commit.to;
      }
      if (next === from) break;
      from = next;
    }
    if (start === null || last === null) return null;
    this.simulation.count('log: offsets from commits');
    return { start, point: last, last: INPUT_TOPICS.map(() => null) };
  }
}

function beginning(): CommittedPoint {
  return { start: INPUT_TOPICS.map(() => 0), point: startOf(INPUT_TOPICS.length), last: INPUT_TOPICS.map(() => null) };
}
