// The log of a service: how it is written, and what must not be in it.

import type { Log } from '@fillstream/observe';
import type { KafkaOptions, RegistryOptions } from '@fillstream/kafka';
import type { RedisOptions } from '@fillstream/redis';
import { Option } from 'commander';
import { tellThrough } from '../flags.ts';

export type LogFlags = { readonly log?: string };

type Servers = { readonly kafka: KafkaOptions; readonly registry: RegistryOptions; readonly redis?: RedisOptions };

export function logFlag(): Option {
  return new Option('--log <format>', 'lines for a person, or JSON; where it isn\'t given, JSON unless standard error is a terminal')
    .choices(['text', 'json']).env('FILLSTREAM_LOG');
}

/** From now on all that the command tells goes there. */
export async function openLog(service: string, { log: format }: LogFlags, servers: Servers): Promise<Log> {
  const { createLog } = await import('@fillstream/observe');
  const log = createLog({
    service,
    format: format === 'text' || (format === undefined && process.stderr.isTTY) ? 'text' : 'json',
    secrets: secretsOf(servers),
    write: (line) => process.stderr.write(line),
  });
  tellThrough((line, level) => log({ level, message: level === 'error' ? 'ended by an error' : 'note', fields: { detail: line }, line }));
  return log;
}

function secretsOf({ kafka, registry, redis }: Servers): string[] {
  const sasl = kafka.sasl !== undefined && 'password' in kafka.sasl ? kafka.sasl.password : undefined;
  return [sasl, registry.auth?.password, redis?.password].filter((secret) => secret !== undefined);
}
