// `fillstream ingestor`: the service, from its flags to its end.

import { resolve } from 'node:path';
import type { IngestorOptions, IngestorService } from '@fillstream/ingestor/service';
import type { Verdict } from '@fillstream/observe';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { endpointOf, type ExchangeFlags } from '../exchange-flags.ts';
import { endpoint, stopper, tell, wholeNumber, type Endpoint } from '../flags.ts';
import { tellLive } from '../start/live-line.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from './connections.ts';

const LEFT_BEHIND_MS = 1_000;
const SESSION_TIMEOUT_MS = 10_000;

type IngestorFlags = KafkaFlags & ExchangeFlags & {
  readonly spill?: string;
  readonly capacity?: number;
  readonly sessionTimeout: number;
  readonly http?: Endpoint;
};

export function ingestorCommand(): Command {
  const command = new Command('ingestor')
    .description('Bring what the watched addresses do from Hyperliquid onto the input topics, as one of any number of processes that share them.')
    .option('--testnet', 'from its testnet', false)
    .option('--exchange <url>', 'from another exchange that speaks its protocol')
    .option('--capacity <number>', 'addresses that this process may watch: the exchange lets one IP watch 10', wholeNumber)
    .option('--spill <file>', 'where records wait while Kafka is slow or down, a file of this process\' own')
    .option('--session-timeout <ms>', 'how soon a silent process loses its addresses', wholeNumber, SESSION_TIMEOUT_MS)
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here').env('FILLSTREAM_HTTP').argParser(endpoint));
  for (const option of kafkaFlags()) command.addOption(option);
  return command.action(runIngestor);
}

async function runIngestor(flags: IngestorFlags): Promise<void> {
  const options = await serviceOptions(flags);
  const [{ IngestorService: Service }, { IngestorMetrics, serve }] = await Promise.all([import('@fillstream/ingestor/service'), import('@fillstream/observe')]);
  let service: IngestorService | null = null;
  const metrics = new IngestorMetrics(() => service?.status ?? null);
  const stop = stopper(undefined);
  try {
    const started = await Service.start({
      ...options,
      onEvent: (event) => {
        metrics.note(event);
        tellLive(event);
      },
    });
    service = started;
    if (flags.http !== undefined) {
      const { url } = await serve({ registry: metrics.registry, ...verdictsOf(started) }, flags.http);
      tell(`serves ${url}/metrics, /healthz and /readyz`);
    }
    const isDrained = await drainedAfter(started, stop.signal);
    tell(isDrained ? 'drained and left the group' : 'left before everything was written: the next ingestor of these addresses fetches it again');
  } finally {
    stop.dispose();
    setTimeout(() => process.exit(), LEFT_BEHIND_MS).unref(); // What a client may still wait for isn't waited for.
  }
}

/** Throws UsageError. */
async function serviceOptions(flags: IngestorFlags): Promise<IngestorOptions> {
  const { EXCHANGE_LIMITS } = await import('@fillstream/hyperliquid/live');
  const { capacity = EXCHANGE_LIMITS.users, spill } = flags;
  if (capacity > EXCHANGE_LIMITS.users) {
    throw new UsageError(`--capacity: expected at most ${String(EXCHANGE_LIMITS.users)}, as the exchange lets one IP watch no more: start another ingestor on another IP`);
  }
  const { kafka, registry } = kafkaOptions(flags);
  return {
    kafka, registry, capacity,
    endpoint: await endpointOf(flags),
    sessionTimeoutMs: flags.sessionTimeout,
    ...(spill === undefined ? {} : { spill: { path: resolve(spill), onChange: (change, detail) => tell(spillLine(change, detail)) } }),
    onAssigned: ({ addresses, ticks }) => tell(`has ${String(addresses.length)} addresses, tells the time to ${ticks.length === 0 ? 'no partition' : `partitions ${ticks.join(', ')}`}`),
    onNoRoom: (addresses) => tell(noRoomLine(addresses)),
    onTrouble: tell,
  };
}

function noRoomLine(addresses: readonly string[]): string {
  if (addresses.length === 0) return 'all addresses have an ingestor';
  return `NOT WATCHED, as all ingestors are full: ${addresses.join(', ')}; start another ingestor on another IP`;
}

function spillLine(change: 'spilling' | 'drained' | 'failed', detail: string): string {
  switch (change) {
    case 'spilling': return `records wait in the spill file: ${detail}`;
    case 'drained': return 'the spill file is empty again';
    case 'failed': return `the spill file can't be emptied yet: ${detail}`;
  }
}

async function drainedAfter(service: IngestorService, stop: AbortSignal): Promise<boolean> {
  const drain = (): void => {
    tell('draining; a second signal ends at once');
    service.stop();
  };
  if (stop.aborted) drain();
  else stop.addEventListener('abort', drain);
  return await service.run();
}

function verdictsOf(service: IngestorService): { readonly health: () => Verdict; readonly readiness: () => Verdict } {
  const verdict = (key: 'healthy' | 'ready') => (): Verdict => {
    const detail = service.health();
    return { ok: detail[key], detail };
  };
  return { health: verdict('healthy'), readiness: verdict('ready') };
}
