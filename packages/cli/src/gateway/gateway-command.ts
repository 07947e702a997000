// `fillstream gateway`: the service, from its flags to its end.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from '@fillstream/gateway';
import type { Authority } from '@fillstream/gateway/tokens/authority';
import type { GatewayPorts } from '@fillstream/gateway/ports';
import type { Log } from '@fillstream/observe';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { collected } from '../exchange-flags.ts';
import { endpoint, stopper, tell, type Endpoint } from '../flags.ts';
import { leaveSoon } from '../operate/output.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from '../stack/connections.ts';
import { DRAINING, servingEntry } from '../stack/service-entries.ts';
import { logFlag, openLog, type LogFlags } from '../stack/service-log.ts';
import { gatewayFlags, needsTokens, type GatewayFlags } from './gateway-flags.ts';
import { startGateway } from './serving.ts';

type Flags = KafkaFlags & Omit<RedisFlags, 'redis'> & LogFlags & GatewayFlags & {
  readonly redis?: string;
  readonly data?: string;
  readonly model: string;
  readonly processor?: readonly string[];
  readonly http?: Endpoint;
};

/** What the gateway stands on, and how that ends. `failed` rejects when it can't be stood on any more. */
type Ground = { readonly ports: GatewayPorts; readonly authority: Authority | null; readonly failed: Promise<never>; readonly close: () => Promise<void> };


export function gatewayCommand(): Command {
  const command = new Command('gateway')
    .description('Serve signals to subscribers over WebSocket, Server-Sent Events and REST, and the dashboard.')
    .option('--data <folder>', 'of the log that `npm start` keeps there instead of Kafka')
    .option('--model <folder>', 'where what was read is kept, to begin sooner the next time', join('.fillstream', 'gateway'))
    .option('--processor <url>', 'where processors serve --http (a name may have several addresses), to show what they rebuild; may be given several times', collected)
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here too, without tokens: for Prometheus, not for clients').env('FILLSTREAM_HTTP').argParser(endpoint))
    .addOption(logFlag());
  for (const option of [...gatewayFlags(), ...kafkaFlags(), ...redisFlags()]) command.addOption(option.long === '--redis' ? option.default(undefined) : option);
  return command.action(runGateway);
}

async function runGateway(flags: Flags): Promise<void> {
  const log = await openLog('gateway', flags, flags.data === undefined ? kafkaOptions(flags) : { kafka: { brokers: [] }, registry: { url: '' } });
  const stop = stopper(undefined);
  const { ports, authority, failed, close } = flags.data === undefined ? await onKafka(flags) : await onEmbeddedLog(flags.data, flags);
  try {
    mkdirSync(flags.model, { recursive: true });
    const { newRegistry, serve } = await import('@fillstream/observe');
    const registry = newRegistry();
    const gateway = await startGateway({
      flags, ports, authority, registry, file: join(flags.model, `${flags.namespace === '' ? 'default' : flags.namespace}.db`), onTrouble: tell, onAudit: (entry) => logAudit(log, entry),
    });
    log({ message: 'serving', fields: { url: gateway.url }, line: `serves signals and the dashboard at ${gateway.url}` });
    if (flags.http !== undefined) {
      const { url } = await serve({ registry, health: () => gateway.health(), readiness: () => gateway.readiness() }, flags.http);
      log(servingEntry(url));
    }
    stop.signal.addEventListener('abort', () => {
      log(DRAINING);
      gateway.stop().catch((error: unknown) => tell(error instanceof Error ? error.message : String(error), 'error'));
    });
    if (stop.signal.aborted) await gateway.stop();
    await Promise.race([gateway.run(), failed]);
  } finally {
    stop.dispose();
    await close();
    leaveSoon();
  }
}

async function onKafka(flags: Flags): Promise<Ground> {
  const { kafka, registry, namespace } = kafkaOptions(flags);
  const [{ kafkaPorts }, { urlOf }] = await Promise.all([import('./kafka-ports.ts'), import('../operate/status/stages.ts')]);
  const redis = flags.redis === undefined ? null : { ...redisOptions({ ...flags, redis: flags.redis }), onTrouble: () => undefined };
  const urls = (flags.processor ?? []).map((text) => urlOf('--processor', text));
  const ports = await kafkaPorts({ kafka, registry, namespace, redis, urls });
  const { promise: failed, reject: onFailure } = Promise.withResolvers<never>();
  failed.catch(() => undefined); // Met by whoever runs the gateway.
  if (!needsTokens(flags)) return { ports, authority: null, failed, close: async () => await Promise.resolve() };
  const { KafkaTokens } = await import('@fillstream/gateway/tokens/kafka-tokens');
  const authority = await KafkaTokens.follow(kafka, registry, { onTrouble: tell, onFailure });
  return { ports, authority, failed, close: async () => await authority.close() };
}

async function onEmbeddedLog(folder: string, flags: Flags): Promise<Ground> {
  if (flags.redis !== undefined) throw new UsageError('--data and --redis: expected one of them');
  const { embeddedPorts } = await import('./embedded-ports.ts');
  const ports = await embeddedPorts(folder, () => null);
  const authority = needsTokens(flags) ? await fileTokens(folder) : null;
  return {
    ports, authority, failed: new Promise(() => undefined),
    close: async () => {
      await authority?.close();
      ports.close();
    },
  };
}

export async function fileTokens(folder: string): Promise<Authority> {
  const { FileTokens } = await import('@fillstream/gateway/tokens/file-tokens');
  return await FileTokens.follow(folder, { onTrouble: tell });
}

/** Refusals are warnings; the rest is who came and went. */
function logAudit(log: Log, { kind, ...fields }: AuditEntry): void {
  log({ level: kind === 'refused' ? 'warn' : 'info', message: `client ${kind}`, fields, line: `${fields.ip}: ${kind}${'reason' in fields ? ` (${fields.reason})` : ''}` });
}
