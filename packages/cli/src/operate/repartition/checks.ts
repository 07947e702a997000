// What a copy into another namespace needs, looked at before anything is changed. All throw PortError or UsageError.
//
// K1  Nobody reads or writes the new namespace while it is copied into: a processor would take what comes by arrival and not by
//     time, an ingestor would write between records that are older.
// K2  Before the last copy the old one is at rest: nobody writes it, and all of it was processed.
// K3  The old inputs and signals have their beginning: a fold of what is left would give other signals.

import type { CopyProgress, KafkaOptions, Told } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import { UsageError } from '../../errors.ts';

const SERVICES = ['ingestor', 'processor'] as const;
const WHOLE = [...INPUT_TOPICS, 'signals'] as const;

/** The old namespace's partitions (K3). */
export async function oldPartitions(from: KafkaOptions, partitions: number): Promise<number> {
  const { boundsOf, nameIn } = await import('@fillstream/kafka');
  const bounds = [];
  for (const topic of WHOLE) bounds.push({ name: nameIn(from.namespace, topic), all: await boundsOf(from, topic) });
  const count = bounds[0]?.all.length ?? 0;
  if (count === partitions) throw new UsageError(`--partitions: expected another number, ${bounds[0]?.name ?? ''} has ${String(count)} already`);
  for (const { name, all } of bounds) {
    const cut = all.find(({ low }) => low > 0);
    if (cut !== undefined) throw failed('log-broken', `${name}/${String(cut.partition)} begins at offset ${String(cut.low)}: its beginning was deleted, and without it a fold gives other signals`);
  }
  return count;
}

/** K1, and the half of K2 that is about the old one. `what`: for whom they are in the way. */
export async function checkNobodyIn(kafka: KafkaOptions, what: string): Promise<void> {
  const { inspectGroup } = await import('@fillstream/kafka');
  for (const service of SERVICES) {
    const { groupId, members } = await inspectGroup(kafka, service);
    if (members.length > 0) throw failed('in-use', `${String(members.length)} ${service}s are in the group ${groupId}: ${what}`);
  }
}

/** K2. */
export async function checkProcessed(from: KafkaOptions): Promise<void> {
  const left = await recordsLeft(from);
  if (left > 0) throw failed('in-use', `the processors of the old namespace have ${left.toLocaleString('en')} records to go: let them come to the end first`);
}

/** Records on the inputs that no processor has committed; up to offsets, by input topic and partition, or up to their ends. */
export async function recordsLeft(kafka: KafkaOptions, ends?: readonly (readonly number[])[]): Promise<number> {
  const { inspectCluster } = await import('@fillstream/kafka');
  const { progress } = await inspectCluster(kafka);
  return told(progress).reduce((sum, { partition, bounds, committed }) => (
    sum + bounds.reduce((part, { low, high }, topic) => part + Math.max(0, (ends?.[topic]?.[partition] ?? high) - (committed[topic] ?? low)), 0)
  ), 0);
}

/** Records that came onto the old inputs after the last copy of them: none of them is in the new namespace. */
export async function recordsSince(from: KafkaOptions, { inputs }: CopyProgress): Promise<number> {
  const { boundsOf } = await import('@fillstream/kafka');
  const bounds = await Promise.all(INPUT_TOPICS.map(async (topic) => await boundsOf(from, topic)));
  return bounds.flatMap((all, topic) => all.map(({ partition, high }) => high - (inputs[topic]?.[partition]?.next ?? 0))).reduce((sum, more) => sum + more, 0);
}

function told<T>(facts: Told<T>): T {
  if (facts.kind === 'told') return facts.value;
  throw failed('log-broken', `kafka: ${facts.why}`);
}

function failed(code: PortError['code'], message: string): PortError {
  return new PortError(code, message, { retryable: false });
}
