// `stack` and `topics`; the other commands of the production pair have files of their own. Clients are loaded when they are needed.

import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { tell, wholeNumber } from '../flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from './connections.ts';

const FOLDER = '.fillstream/stack';

export function stackCommand(): Command {
  const command = new Command('stack').description('A local Kafka, schema registry and Redis, to try things on.');
  command.command('up').description('Start what isn\'t running.')
    .addOption(new Option('--brokers <number>', 'Kafka brokers').choices(['1', '3']).default('1'))
    .action(async ({ brokers }: { readonly brokers: string }) => {
      const { up } = await import('@fillstream/stack');
      const { started, moved, status } = await up({ folder: FOLDER, brokers: brokers === '3' ? 3 : 1 });
      tell(started.length === 0 ? 'the stack is up already' : `started ${started.join(', ')}`);
      if (moved.length > 0) tell(`their usual ports were taken: ${moved.map((part) => JSON.stringify(part)).join(', ')}`);
      process.stdout.write(`kafka     ${status.bootstrap}\nregistry  ${status.registry}\nredis     ${status.redis}\n`);
    });
  command.command('down').description('Stop it; its data stays.').action(async () => {
    const { down } = await import('@fillstream/stack');
    const { stopped } = await down(FOLDER);
    tell(stopped.length === 0 ? 'nothing was running' : `stopped ${stopped.join(', ')}`);
  });
  command.command('status').description('Tell what is running.').action(async () => {
    const { status } = await import('@fillstream/stack');
    const found = await status(FOLDER);
    if (found === null) tell('there is no stack yet: run `fillstream stack up`');
    else for (const { name, running, pid } of found.parts) process.stdout.write(`${name.padEnd(10)} ${running ? `running, process ${String(pid)}` : 'stopped'}\n`);
  });
  return command;
}

type TopicsFlags = KafkaFlags & {
  readonly partitions: number;
  readonly replication: number;
  readonly retention: string;
  readonly timestampLimit: boolean;
};

export function topicsCommand(): Command {
  const command = new Command('topics').description('The topics and their schemas.');
  const create = command.command('create').description('Make the topics and register their schemas; check those that are there.')
    .option('--partitions <number>', 'how many, fixed for good', wholeNumber, 12)
    .option('--replication <number>', 'replicas of each', wholeNumber, 1)
    .option('--retention <ms>', 'how long records are kept, -1 for good', '-1')
    .option('--no-timestamp-limit', 'let inputs claim any time: for an import with --finish');
  for (const option of kafkaFlags()) create.addOption(option);
  create.action(async (flags: TopicsFlags) => {
    if (!/^(?:-1|[0-9]+)$/.test(flags.retention)) throw new UsageError('--retention: expected milliseconds, or -1');
    const { createTopics } = await import('@fillstream/kafka');
    const { kafka, registry } = kafkaOptions(flags);
    const { partitions, replication, retention, timestampLimit } = flags;
    const made = await createTopics(kafka, registry, { partitions, replication, retentionMs: Number(retention), limitTimestamps: timestampLimit });
    for (const { name, made: isNew, partitions: count } of made) process.stdout.write(`${isNew ? 'made ' : 'found'} ${name} (${String(count)} partitions)\n`);
  });
  return command;
}
