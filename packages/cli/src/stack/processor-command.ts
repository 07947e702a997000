// `fillstream processor`: the service, from its flags to its end.

import type { Log, ProcessorMetrics } from '@fillstream/observe';
import type { ProcessorService, ServiceOptions } from '@fillstream/processor/service';
import { INPUT_TOPICS } from '@fillstream/topics';
import { Command, Option } from 'commander';
import { endpoint, stopper, tell, wholeNumber, type Endpoint } from '../flags.ts';
import { leaveSoon } from '../operate/output.ts';
import { foldSettingsText, resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from './connections.ts';
import { drainedEntry, loopEntry, partitionsEntry, servingEntry } from './service-entries.ts';
import { drainedAfter, verdictsOf } from './service-life.ts';
import { logFlag, openLog, type LogFlags } from './service-log.ts';

const SESSION_TIMEOUT_MS = 30_000;

type ProcessorFlags = KafkaFlags & RedisFlags & SettingsFlags & LogFlags & {
  readonly delivery: string;
  readonly sessionTimeout: number;
  readonly http?: Endpoint;
};

export function processorCommand(): Command {
  const command = new Command('processor')
    .description('Fold the input topics into signals, as one of any number of processes that share the work.')
    .addOption(new Option('--delivery <kind>', 'how signals get onto their topic').choices(['exactly-once', 'at-least-once']).default('exactly-once').env('FILLSTREAM_DELIVERY'))
    .option('--session-timeout <ms>', 'how soon a silent process loses its partitions', wholeNumber, SESSION_TIMEOUT_MS)
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here').env('FILLSTREAM_HTTP').argParser(endpoint))
    .addOption(logFlag());
  for (const option of [...kafkaFlags(), ...redisFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(runProcessor);
}

async function runProcessor(flags: ProcessorFlags): Promise<void> {
  const [{ ProcessorService: Service }, { ProcessorMetrics, serve }, { KAFKA_ERROR_KINDS, COMMIT_STEPS }, { REDIS_ERROR_KINDS }] = await Promise.all([
    import('@fillstream/processor/service'), import('@fillstream/observe'), import('@fillstream/kafka'), import('@fillstream/redis'),
  ]);
  const options = serviceOptions(flags);
  const log = await openLog('processor', flags, options);
  let started: ProcessorService | null = null;
  const metrics = new ProcessorMetrics({
    topics: INPUT_TOPICS, steps: COMMIT_STEPS, kafkaErrors: KAFKA_ERROR_KINDS, redisErrors: REDIS_ERROR_KINDS, standing: () => started?.standing ?? null,
  });
  const stop = stopper(undefined);
  try {
    const service = await Service.start({ ...options, ...listening(options, metrics, log) });
    started = service;
    if (flags.http !== undefined) {
      service.watch();
      const { url } = await serve({ registry: metrics.registry, ...verdictsOf(service) }, flags.http);
      log(servingEntry(url));
    }
    await drainedAfter(service, stop.signal, log);
    log(drainedEntry());
  } finally {
    stop.dispose();
    leaveSoon();
  }
}

function listening({ kafka, redis }: ServiceOptions, metrics: ProcessorMetrics, log: Log): Partial<ServiceOptions> {
  return {
    kafka: { ...kafka, onError: (kind) => metrics.noteKafkaError(kind) },
    redis: { ...redis, onError: (kind) => metrics.noteRedisError(kind) },
    onStep: (step, ms) => metrics.noteStep(step, ms),
    onJoined: (ms) => metrics.noteJoined(ms),
    onEvent: (event) => {
      metrics.note(event);
      const entry = loopEntry(event);
      if (entry !== null) log(entry);
    },
    onAssigned: (partitions) => log(partitionsEntry(partitions)),
  };
}

/** Throws UsageError and SettingsError. */
function serviceOptions(flags: ProcessorFlags): ServiceOptions {
  const settings = resolveSettings(settingsSources(flags));
  return {
    ...kafkaOptions(flags),
    redis: redisOptions(flags),
    delivery: flags.delivery === 'at-least-once' ? 'at-least-once' : 'exactly-once',
    settings,
    settingsText: foldSettingsText(settings),
    sessionTimeoutMs: flags.sessionTimeout,
    onTrouble: tell,
  };
}
