// `fillstream webhooks`: the service that posts signals to webhooks, from its flags to its end.

import type { LogEntry } from '@fillstream/observe';
import type { WebhookEvent, WebhookService, WebhookServiceOptions } from '@fillstream/gateway/webhooks/service';
import { Command, Option } from 'commander';
import { endpoint, period, stopper, tell, wholeNumber, type Endpoint } from '../flags.ts';
import { leaveSoon } from '../operate/output.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';
import { drainedEntry, partitionsEntry, servingEntry } from '../stack/service-entries.ts';
import { drainedAfter, verdictsOf } from '../stack/service-life.ts';
import { logFlag, openLog, type LogFlags } from '../stack/service-log.ts';

const SESSION_TIMEOUT_MS = 10_000;
/** Those of the service (DEFAULT_RETRY, DEFAULT_TIMEOUT_MS, DEFAULT_BROKEN_AFTER), which isn't loaded before it runs. */
const DEFAULTS = { attempts: 8, firstWaitMs: 5_000, timeoutMs: 10_000, brokenAfter: 5 };
const GREATEST_WAIT_MS = 300_000;

type WebhooksFlags = KafkaFlags & LogFlags & {
  readonly allowPrivate: boolean;
  readonly attempts: number;
  readonly retryWait: number;
  readonly timeout: number;
  readonly brokenAfter: number;
  readonly sessionTimeout: number;
  readonly http?: Endpoint;
};

export function webhooksCommand(): Command {
  const command = new Command('webhooks')
    .description('Post signals to webhooks, signed and at least once, as one of any number of processes that share the work.')
    .option('--allow-private', 'also to addresses that aren\'t public: of this machine and its networks', false)
    .option('--attempts <number>', 'tries of a signal before it becomes a dead letter', wholeNumber, DEFAULTS.attempts)
    .option('--retry-wait <time>', 'the greatest wait after the first try, which doubles with each', period, DEFAULTS.firstWaitMs)
    .option('--timeout <time>', 'how long a webhook may take to answer', period, DEFAULTS.timeoutMs)
    .option('--broken-after <number>', 'signals not taken in a row, after which each gets one try until one is taken', wholeNumber, DEFAULTS.brokenAfter)
    .option('--session-timeout <ms>', 'how soon a silent process loses its partitions', wholeNumber, SESSION_TIMEOUT_MS)
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here').env('FILLSTREAM_HTTP').argParser(endpoint))
    .addOption(logFlag());
  for (const option of kafkaFlags()) command.addOption(option);
  return command.action(runWebhooks);
}

async function runWebhooks(flags: WebhooksFlags): Promise<void> {
  const options = serviceOptions(flags);
  const log = await openLog('webhooks', flags, options);
  const [{ WebhookService: Service }, { WebhookMetrics }, { serve }, { KAFKA_ERROR_KINDS }] = await Promise.all([
    import('@fillstream/gateway/webhooks/service'), import('@fillstream/gateway/webhooks/webhook-metrics'), import('@fillstream/observe'), import('@fillstream/kafka'),
  ]);
  let started: WebhookService | null = null;
  const metrics = new WebhookMetrics({ standing: () => started?.standing ?? null, kafkaErrors: KAFKA_ERROR_KINDS });
  const stop = stopper(undefined);
  try {
    const service = await Service.start({
      ...options,
      kafka: { ...options.kafka, onError: (kind) => metrics.noteKafkaError(kind) },
      onAnswer: (answer) => metrics.noteAnswer(answer),
      onTaken: (emittedAt) => metrics.noteTaken(emittedAt),
      onUnreadable: () => metrics.noteUnreadable(),
      onEvent: (event) => {
        if (event.kind === 'dead') metrics.noteDead(event.why);
        if (event.kind === 'broken') metrics.noteBroken();
        const entry = entryOf(event);
        if (entry !== null) log(entry);
      },
    });
    started = service;
    if (flags.http !== undefined) {
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

/** Throws UsageError. */
function serviceOptions(flags: WebhooksFlags): WebhookServiceOptions {
  const { kafka, registry } = kafkaOptions(flags);
  return {
    kafka, registry, allowPrivate: flags.allowPrivate,
    retry: { attempts: flags.attempts, firstWaitMs: flags.retryWait, greatestWaitMs: Math.max(flags.retryWait, GREATEST_WAIT_MS) },
    timeoutMs: flags.timeout, brokenAfter: flags.brokenAfter, sessionTimeoutMs: flags.sessionTimeout,
    onTrouble: tell,
  };
}

/** null: it is counted, not told. */
function entryOf(event: WebhookEvent): LogEntry | null {
  switch (event.kind) {
    case 'assigned': return partitionsEntry(event.partitions);
    case 'added': return { message: 'webhook added', fields: { webhook: event.webhook }, line: `webhook ${event.webhook} added` };
    case 'removed': return { message: 'webhook removed', fields: { webhook: event.webhook }, line: `webhook ${event.webhook} removed` };
    case 'mended': return { message: 'webhook mended', fields: { webhook: event.webhook }, line: `webhook ${event.webhook} takes signals again` };
    case 'broken': return {
      level: 'warn', message: 'webhook broken', fields: { webhook: event.webhook, reason: event.reason },
      line: `webhook ${event.webhook} is broken (${event.reason}): its signals become dead letters until it takes one`,
    };
    case 'dead': return null;
  }
}
