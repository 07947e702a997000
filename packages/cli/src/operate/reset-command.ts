// `fillstream reset`: has a partition's state rebuilt from the log, by whoever takes it over next.
//
// R1  Without --yes nothing is changed.
// R2  Never while a processor is in the group: it would go on from what it has in memory.

import { noCounts } from '@fillstream/core';
import type { KafkaOptions, Told } from '@fillstream/kafka';
import type { RedisConnection, StoredPartition } from '@fillstream/redis';
import { EMPTY_HISTORY_ID, PortError, type CheckpointHead } from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import { Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { tell } from '../flags.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from '../stack/connections.ts';
import { leaveSoon } from './output.ts';

type ResetFlags = KafkaFlags & RedisFlags & { readonly partition: number; readonly yes: boolean };

/** A checkpoint that stands nowhere: a take-over can't go on from it, and rebuilds. */
const NOWHERE: CheckpointHead = {
  at: { id: EMPTY_HISTORY_ID, position: { offsets: [], fired: 0 } }, clocks: [], counts: noCounts(),
};

export function resetCommand(): Command {
  const command = new Command('reset')
    .description('Void the state that Redis has of a partition: the next processor rebuilds it from the log, and sends no signal again.')
    .addOption(new Option('--partition <number>', 'which one').argParser(partitionNumber).makeOptionMandatory())
    .option('--yes', 'do it: without, it only says what it would do', false);
  for (const option of [...kafkaFlags(), ...redisFlags()]) command.addOption(option);
  return command.action(runReset);
}

async function runReset(flags: ResetFlags): Promise<void> {
  const { partition, yes } = flags;
  const { kafka, namespace } = kafkaOptions(flags);
  const records = await recordsBehind(kafka, partition);
  const { RedisConnection: Redis, RedisStore, inspectPartition } = await import('@fillstream/redis');
  const connection: RedisConnection = await Redis.open(redisOptions(flags));
  try {
    const stored = await inspectPartition(connection, namespace, partition);
    tell(`partition ${String(partition)}: ${stateText(stored)}`);
    if (stored.kind === 'missing') return;
    const then = `the next processor to take it over applies about ${records.toLocaleString('en')} records again`;
    if (!yes) {
      tell(`nothing was changed. With --yes ${then}`);
      return;
    }
    const store = new RedisStore({ connection, namespace });
    const owner = await store.claim(partition);
    const outcome = await store.reset(owner, NOWHERE);
    if (outcome.kind === 'refused') throw inUse(`partition ${String(partition)} was taken over meanwhile: nothing was changed`);
    tell(`voided; ${then}`);
  } finally {
    connection.close();
    leaveSoon();
  }
}

/** Records that a rebuild applies. Throws UsageError for a partition that isn't there, PortError while it is in use (R2). */
async function recordsBehind(kafka: KafkaOptions, partition: number): Promise<number> {
  const { inspectCluster } = await import('@fillstream/kafka');
  const cluster = await inspectCluster(kafka);
  const progress = told(cluster.progress);
  const found = progress.find((each) => each.partition === partition);
  if (found === undefined) {
    const expected = progress.length === 0 ? 'topics: run `fillstream topics create`' : `0 to ${String(progress.length - 1)}`;
    throw new UsageError(`--partition: expected ${expected}, got ${String(partition)}`);
  }
  const { groupId, members } = told(cluster.group);
  if (members.length > 0) throw inUse(`${String(members.length)} processors are in the group ${groupId}: stop them first`);
  return found.bounds.reduce((sum, { low }, place) => sum + Math.max(0, (found.committed[place] ?? 0) - low), 0);
}

function inUse(message: string): PortError {
  return new PortError('in-use', message, { retryable: false });
}

/** Throws PortError for what the login may not see. */
function told<T>(facts: Told<T>): T {
  if (facts.kind === 'told') return facts.value;
  throw new PortError('log-broken', `kafka: ${facts.why}`, { retryable: false });
}

function stateText(stored: StoredPartition): string {
  switch (stored.kind) {
    case 'missing': return 'there is no state, so the next take-over rebuilds it anyway';
    case 'other format': return `the state has format ${stored.format}, expected ${stored.expected}`;
    case 'stored': {
      const { orders, at: { position: { offsets } } } = stored;
      const places = INPUT_TOPICS.map((topic, place) => `${topic} ${String(offsets[place] ?? 0)}`).join(', ');
      return `the state stands at ${places}, with ${orders.toLocaleString('en')} orders on record`;
    }
  }
}

function partitionNumber(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) throw new InvalidArgumentError('Expected a partition\'s number, from 0 on.');
  return Number(text);
}
