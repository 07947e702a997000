// `fillstream processor`: the service, from its flags to its end.

import type { Verdict } from '@fillstream/observe';
import type { ProcessorService, ServiceOptions } from '@fillstream/processor/service';
import type { LoopEvent } from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import { Command, Option } from 'commander';
import { endpoint, stopper, tell, wholeNumber, type Endpoint } from '../flags.ts';
import { foldSettingsText, resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from './connections.ts';

const LEFT_BEHIND_MS = 1_000;
const SESSION_TIMEOUT_MS = 30_000;

type ProcessorFlags = KafkaFlags & RedisFlags & SettingsFlags & {
  readonly delivery: string;
  readonly sessionTimeout: number;
  readonly http?: Endpoint;
};

export function processorCommand(): Command {
  const command = new Command('processor')
    .description('Fold the input topics into signals, as one of any number of processes that share the work.')
    .addOption(new Option('--delivery <kind>', 'how signals get onto their topic').choices(['exactly-once', 'at-least-once']).default('exactly-once').env('FILLSTREAM_DELIVERY'))
    .option('--session-timeout <ms>', 'how soon a silent process loses its partitions', wholeNumber, SESSION_TIMEOUT_MS)
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here').env('FILLSTREAM_HTTP').argParser(endpoint));
  for (const option of [...kafkaFlags(), ...redisFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(runProcessor);
}

async function runProcessor(flags: ProcessorFlags): Promise<void> {
  const [{ ProcessorService }, { ProcessorMetrics, serve }] = await Promise.all([import('@fillstream/processor/service'), import('@fillstream/observe')]);
  const options = serviceOptions(flags);
  const metrics = new ProcessorMetrics(INPUT_TOPICS);
  const stop = stopper(undefined);
  try {
    const service = await ProcessorService.start({
      ...options,
      onEvent: (event) => {
        metrics.note(event);
        tellEvent(event);
      },
    });
    if (flags.http !== undefined) {
      const { url } = await serve({ registry: metrics.registry, ...verdictsOf(service) }, flags.http);
      tell(`serves ${url}/metrics, /healthz and /readyz`);
    }
    await drainedAfter(service, stop.signal);
    tell('drained and left the group');
  } finally {
    stop.dispose();
    setTimeout(() => process.exit(), LEFT_BEHIND_MS).unref(); // What a client may still wait for isn't waited for.
  }
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
    onAssigned: (partitions) => tell(`has partitions ${partitions.join(', ')}`),
  };
}

async function drainedAfter(service: ProcessorService, stop: AbortSignal): Promise<void> {
  const drain = (): void => {
    tell('draining; a second signal ends at once');
    service.stop();
  };
  if (stop.aborted) drain();
  else stop.addEventListener('abort', drain);
  await service.run();
}

function verdictsOf(service: ProcessorService): { readonly health: () => Verdict; readonly readiness: () => Verdict } {
  const verdict = (key: 'healthy' | 'ready') => (): Verdict => {
    const detail = service.health();
    return { ok: detail[key], detail };
  };
  return { health: verdict('healthy'), readiness: verdict('ready') };
}

function tellEvent(event: LoopEvent): void {
  if (event.kind === 'takenOver') tell(`partition ${String(event.partition)} ${event.how}, ${String(event.replayed)} records replayed`);
  if (event.kind === 'interrupted') tell(`partition ${String(event.partition)} begins anew: ${event.error.message}`);
}
