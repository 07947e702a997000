// What deliveries to webhooks meet and how they stand, as Prometheus metrics. Labels have few values: never a webhook or an address.

import { asked, counted, countedBy, newRegistry } from '@fillstream/observe';
import { Histogram, type Counter, type Registry } from 'prom-client';
import { RESULTS, type Answer } from './sender.ts';
import { GIVE_UPS, type GiveUpReason } from './webhook-queue.ts';

/** How the deliveries stand, as far as it is shown here. */
export type WebhooksStanding = {
  readonly webhooks: readonly { readonly isBroken: boolean; readonly queued: number; readonly inFlight: number }[];
  readonly partitions: readonly number[];
  /** By partition, offsets from the first one that isn't settled to where reading is. */
  readonly behind: ReadonlyMap<number, number>;
};

export type WebhookMetricsOptions = {
  /** Asked at each scrape; null before the service has started. */
  readonly standing: () => WebhooksStanding | null;
  readonly kafkaErrors?: readonly string[];
  readonly registry?: Registry;
};

const MS = 1_000;
const POST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LATENCY_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

export class WebhookMetrics {
  readonly registry: Registry;
  readonly #posts: Counter<'result'>;
  readonly #postSeconds: Histogram;
  readonly #delivered: Counter;
  readonly #dead: Counter<'why'>;
  readonly #latency: Histogram;
  readonly #unreadable: Counter;
  readonly #breaks: Counter;
  readonly #kafkaErrors: Counter<'kind'>;

  constructor({ standing, kafkaErrors = [], registry = newRegistry() }: WebhookMetricsOptions) {
    this.registry = registry;
    const name = (end: string): string => `fillstream_webhook_${end}`;
    this.#posts = countedBy(registry, name('posts_total'), 'Tries, by how they ended.', 'result', RESULTS.filter((result) => result !== 'cut'));
    this.#postSeconds = new Histogram({ name: name('post_duration_seconds'), help: 'How long a try took.', buckets: POST_SECONDS, registers: [registry] });
    this.#delivered = counted(registry, name('deliveries_total'), 'Signals that a webhook has taken.');
    this.#dead = countedBy(registry, name('dead_letters_total'), 'Signals that a webhook has not taken, and that are kept.', 'why', GIVE_UPS);
    this.#latency = new Histogram({ name: name('latency_seconds'), help: 'From the signal going out to its being taken.', buckets: LATENCY_SECONDS, registers: [registry] });
    this.#unreadable = counted(registry, name('unreadable_signals_total'), 'Records of the topic signals that could not be read.');
    this.#breaks = counted(registry, name('breaks_total'), 'How often a webhook was found broken.');
    this.#kafkaErrors = countedBy(registry, name('kafka_errors_total'), 'What the Kafka client met.', 'kind', kafkaErrors);
    addStanding(registry, standing);
  }

  noteAnswer({ kind, ms }: Answer): void {
    if (kind === 'cut') return;
    this.#posts.inc({ result: kind });
    this.#postSeconds.observe(ms / MS);
  }

  /** `emittedAt`: when the signal went out (ms); NaN where it isn't known. */
  noteTaken(emittedAt: number): void {
    this.#delivered.inc();
    if (!Number.isNaN(emittedAt)) this.#latency.observe(Math.max(0, Date.now() - emittedAt) / MS);
  }

  noteDead(why: GiveUpReason): void {
    this.#dead.inc({ why });
  }

  noteBroken(): void {
    this.#breaks.inc();
  }

  noteUnreadable(): void {
    this.#unreadable.inc();
  }

  noteKafkaError(kind: string): void {
    this.#kafkaErrors.inc({ kind });
  }
}

function addStanding(registry: Registry, standing: () => WebhooksStanding | null): void {
  asked(registry, 'fillstream_webhook_webhooks', 'Webhooks, by state.', ['state'], () => {
    const broken = (standing()?.webhooks ?? []).filter(({ isBroken }) => isBroken).length;
    return [{ labels: ['working'], value: (standing()?.webhooks.length ?? 0) - broken }, { labels: ['broken'], value: broken }];
  });
  const gauge = (name: string, help: string, value: (now: WebhooksStanding) => number): void => {
    asked(registry, `fillstream_webhook_${name}`, help, [], () => {
      const now = standing();
      return [{ value: now === null ? 0 : value(now) }];
    });
  };
  gauge('queued_deliveries', 'Signals that were taken off the log and are not settled.', ({ webhooks }) => webhooks.reduce((sum, { queued }) => sum + queued, 0));
  gauge('posts_in_flight', 'Tries under way.', ({ webhooks }) => webhooks.reduce((sum, { inFlight }) => sum + inFlight, 0));
  gauge('assigned_partitions', 'Partitions of signals that this process has.', ({ partitions }) => partitions.length);
  asked(registry, 'fillstream_webhook_behind_offsets', 'How far the webhook that is the furthest behind is behind reading.', ['partition'], () => (
    Array.from(standing()?.behind ?? [], ([partition, value]) => ({ labels: [partition], value }))
  ));
}
