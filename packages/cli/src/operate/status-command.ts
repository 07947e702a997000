// `fillstream status`: who does what, and how far it has come.

import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { collected } from '../exchange-flags.ts';
import { period, stopper } from '../flags.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from '../stack/connections.ts';
import { collect, type Asked } from './status/collect.ts';
import { urlOf } from './status/stages.ts';
import { statusText } from './status/table.ts';

type StatusFlags = KafkaFlags & RedisFlags & {
  readonly json: boolean;
  readonly watch: boolean;
  readonly every: number;
  readonly state: boolean;
  readonly http?: readonly string[];
};

const EVERY_MS = 2_000;
const CLEAR = '\x1b[H\x1b[2J';

export function statusCommand(): Command {
  const command = new Command('status')
    .description('Show who has which partitions and addresses, and how far they have come.')
    .option('--json', 'one JSON object a line', false)
    .option('--watch', 'again and again, until it is stopped', false)
    .option('--every <time>', 'how long to wait in between', period, EVERY_MS)
    .option('--no-state', 'leave Redis alone')
    .option('--http <url>', 'a processor\'s --http address, to see what it rebuilds; can be given several times', collected);
  for (const option of [...kafkaFlags(), ...redisFlags()]) command.addOption(option);
  return command.action(runStatus);
}

async function runStatus(flags: StatusFlags): Promise<void> {
  const asked = askedFor(flags);
  const stop = stopper(undefined);
  try {
    do {
      const snapshot = await collect(asked);
      const clear = flags.watch && process.stdout.isTTY && !flags.json ? CLEAR : '';
      process.stdout.write(flags.json ? `${JSON.stringify(snapshot)}\n` : `${clear}${statusText(snapshot)}`);
      if (flags.watch) await sleep(flags.every, undefined, { signal: stop.signal }).catch(() => undefined);
    } while (flags.watch && !stop.signal.aborted);
  } finally {
    stop.dispose();
  }
}

/** Throws UsageError. */
function askedFor(flags: StatusFlags): Asked {
  const { kafka, namespace } = kafkaOptions(flags);
  return { kafka, namespace, redis: flags.state ? { ...redisOptions(flags), onTrouble: () => undefined } : null, urls: (flags.http ?? []).map((text) => urlOf('--http', text)) };
}
