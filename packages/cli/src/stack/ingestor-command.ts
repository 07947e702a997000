// `fillstream ingestor`: the service, from its flags to its end.

import { resolve } from 'node:path';
import type { IngestorOptions, IngestorService } from '@fillstream/ingestor/service';
import type { IngestorMetrics, Log } from '@fillstream/observe';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { endpointOf, type ExchangeFlags } from '../exchange-flags.ts';
import { endpoint, stopper, tell, wholeNumber, type Endpoint } from '../flags.ts';
import { leaveSoon } from '../operate/output.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from './connections.ts';
import { assignedEntry, drainedEntry, liveEntry, noRoomEntry, servingEntry, spillEntry } from './service-entries.ts';
import { drainedAfter, verdictsOf } from './service-life.ts';
import { logFlag, openLog, type LogFlags } from './service-log.ts';

const SESSION_TIMEOUT_MS = 10_000;

type IngestorFlags = KafkaFlags & ExchangeFlags & LogFlags & {
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
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here').env('FILLSTREAM_HTTP').argParser(endpoint))
    .addOption(logFlag());
  for (const option of kafkaFlags()) command.addOption(option);
  return command.action(runIngestor);
}

async function runIngestor(flags: IngestorFlags): Promise<void> {
  const options = await serviceOptions(flags);
  const log = await openLog('ingestor', flags, options);
  const [{ IngestorService: Service }, { IngestorMetrics, serve }, { KAFKA_ERROR_KINDS }] = await Promise.all([
    import('@fillstream/ingestor/service'), import('@fillstream/observe'), import('@fillstream/kafka'),
  ]);
  let service: IngestorService | null = null;
  const metrics = new IngestorMetrics({ standing: () => service?.status ?? null, kafkaErrors: KAFKA_ERROR_KINDS });
  const stop = stopper(undefined);
  try {
    const started = await Service.start({ ...options, ...listening(options, metrics, log) });
    service = started;
    if (flags.http !== undefined) {
      const { url } = await serve({ registry: metrics.registry, ...verdictsOf(started) }, flags.http);
      log(servingEntry(url));
    }
    log(drainedEntry(await drainedAfter(started, stop.signal, log)));
  } finally {
    stop.dispose();
    leaveSoon();
  }
}

function listening({ kafka, spill }: IngestorOptions, metrics: IngestorMetrics, log: Log): Partial<IngestorOptions> {
  return {
    kafka: { ...kafka, onError: (kind) => metrics.noteKafkaError(kind) },
    ...(spill === undefined ? {} : { spill: { ...spill, onChange: (change, detail) => log(spillEntry(change, detail)) } }),
    onAssigned: (assignment) => log(assignedEntry(assignment)),
    onNoRoom: (addresses) => log(noRoomEntry(addresses)),
    onDurable: (arrivals) => metrics.noteDurable(arrivals),
    onTicked: () => metrics.noteTick(),
    onEvent: (event) => {
      metrics.note(event);
      const entry = liveEntry(event);
      if (entry !== null) log(entry);
    },
  };
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
    ...(spill === undefined ? {} : { spill: { path: resolve(spill) } }),
    onTrouble: tell,
  };
}
