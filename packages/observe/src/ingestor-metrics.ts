// What an ingestor meets and how it stands, as Prometheus metrics. Labels have few values: never an address or a coin.

import type { Counter, Histogram, Registry } from 'prom-client';
import { Latency } from './latency.ts';
import { asked, counted, countedBy, measuredBy, newRegistry } from './registry.ts';

/** An event of the live feed, as far as it is counted here. */
export type IngestEvent = {
  readonly kind: string;
  readonly address?: string;
  readonly source?: string;
  readonly end?: string;
  readonly reason?: string;
  readonly cause?: string;
  readonly records?: number;
  readonly orders?: number;
  readonly ms?: number;
};

/** A record that became durable. Milliseconds since the epoch; `exchangeAt` is NaN where the exchange told no time. */
export type Arrival = { readonly kind: string; readonly receivedAt: number; readonly exchangeAt: number };

type Usage = { readonly used: number; readonly limit: number };

/** How an ingestor stands, as far as it is shown here. */
export type IngestStanding = {
  readonly addresses: readonly { readonly state: string; readonly held: number; readonly queued: number }[];
  readonly isSpilling: boolean;
  /** What waits in the spill file, and how much may; 0 without one. */
  readonly spillBytes: number;
  readonly spillLimitBytes: number;
  readonly isLeader: boolean;
  readonly withoutRoom: number;
  /** Partitions that it tells the time. */
  readonly ticks: number;
  /** Since it last did; 0 when there is none to tell it to. */
  readonly sinceTickMs: number;
  readonly connections: Usage;
  readonly connects: Usage;
  readonly messages: Usage;
  readonly weight: Usage;
};

export type IngestorMetricsOptions = {
  /** Asked at each scrape; null before the ingestor has started. */
  readonly standing: () => IngestStanding | null;
  /** Kinds of errors that the client tells. */
  readonly kafkaErrors?: readonly string[];
  /** One that another service of the process has too. */
  readonly registry?: Registry;
};

const MS = 1_000;
const SOURCES = ['ws', 'snapshot', 'repair'];
const ENDS = ['closed', 'cut', 'silent', 'unreachable', 'not-subscribed', 'bad-frames', 'rotated', 'stopped'];
/** What is counted by its kind alone; the rest is counted by more, or by the feed. */
const COUNTED = [
  'repaired', 'repairFailed', 'gap', 'badFrame', 'unknownFrame', 'errorFrame', 'unknownCoin', 'requestFailed', 'throttled', 'sinkFailed', 'paused',
];
const REPAIRS = ['connected', 'bad-frame', 'held-overflow', 'asked', 'audit'];
const REPAIR_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** More fills than can be asked for; more in a millisecond than one answer holds; REST never had them. */
const GAPS = ['history', 'crowded', 'behind'];
const STATES = ['connecting', 'holding', 'live', 'waiting'];
const LIMITS = ['connections', 'connects', 'messages', 'weight'] as const;

export class IngestorMetrics {
  readonly registry: Registry;
  readonly #latency: Latency;
  readonly #records: Counter<'source'>;
  readonly #ends: Counter<'end'>;
  readonly #events: Counter<'kind'>;
  readonly #gaps: Counter<'reason'>;
  readonly #repairs: Counter<'reason'>;
  readonly #repairSeconds: Histogram<'reason'>;
  readonly #kafkaErrors: Counter<'kind'>;
  readonly #raw: Counter;
  readonly #unasked: Counter;
  readonly #reconnects: Counter;
  readonly #ticks: Counter;
  /** Addresses whose connection ended, until they have another. */
  readonly #lost = new Set<string>();

  constructor({ standing, kafkaErrors = [], registry = newRegistry() }: IngestorMetricsOptions) {
    this.registry = registry;
    const name = (end: string): string => `fillstream_ingestor_${end}`;
    this.#latency = new Latency(registry, ['exchange_to_ingest', 'ingest_to_log']);
    this.#records = countedBy(registry, name('records_total'), 'Records handed on.', 'source', SOURCES);
    this.#raw = counted(registry, name('raw_records_total'), 'Records that were not understood, and became durable as they came.');
    this.#ends = countedBy(registry, name('disconnects_total'), 'Connections that ended.', 'end', ENDS);
    this.#reconnects = counted(registry, name('reconnects_total'), 'Connections in the place of one that ended by itself.');
    this.#events = countedBy(registry, name('events_total'), 'What the feed met.', 'kind', COUNTED);
    this.#gaps = countedBy(registry, name('gaps_total'), 'Stretches of an address that the exchange no longer has.', 'reason', GAPS);
    this.#repairs = countedBy(registry, name('repairs_total'), 'Repairs that were done.', 'reason', REPAIRS);
    this.#repairSeconds = measuredBy(registry, name('repair_duration_seconds'), 'How long they took.', 'reason', REPAIRS, REPAIR_SECONDS);
    this.#unasked = counted(registry, name('statuses_unasked_total'), 'Orders of a repair whose status was not asked for, as they were too many.');
    this.#ticks = counted(registry, name('ticks_total'), 'How often time was told.');
    this.#kafkaErrors = countedBy(registry, name('kafka_errors_total'), 'What the Kafka client met.', 'kind', kafkaErrors);
    addStanding(registry, standing);
    addStates(registry, standing);
    addLimits(registry, standing);
  }

  note(event: IngestEvent): void {
    const { kind, source = 'unknown', records = 0, orders = 0 } = event;
    if (COUNTED.includes(kind)) this.#events.inc({ kind });
    switch (kind) {
      case 'records':
        this.#records.inc({ source }, records);
        break;
      case 'connected': case 'disconnected':
        this.#noteConnection(event);
        break;
      case 'gap':
        this.#gaps.inc({ reason: event.cause ?? 'unknown' });
        break;
      case 'repaired':
        this.#noteRepair(event);
        break;
      case 'statusesUnasked':
        this.#unasked.inc(orders);
        break;
    }
  }

  /** What became durable just now. */
  noteDurable(arrivals: readonly Arrival[]): void {
    const now = Date.now();
    for (const { kind, receivedAt, exchangeAt } of arrivals) {
      if (kind === 'raw') this.#raw.inc();
      this.#latency.note('exchange_to_ingest', exchangeAt, receivedAt, now);
      this.#latency.note('ingest_to_log', receivedAt, now, now);
    }
  }

  noteTick(): void {
    this.#ticks.inc();
  }

  noteKafkaError(kind: string): void {
    this.#kafkaErrors.inc({ kind });
  }

  #noteConnection({ kind, address = '', end = 'unknown' }: IngestEvent): void {
    if (kind === 'connected') {
      if (this.#lost.delete(address)) this.#reconnects.inc();
      return;
    }
    this.#ends.inc({ end });
    if (end === 'stopped') this.#lost.delete(address);
    else if (end !== 'rotated') this.#lost.add(address);
  }

  #noteRepair({ reason = 'unknown', ms = 0 }: IngestEvent): void {
    this.#repairs.inc({ reason });
    this.#repairSeconds.observe({ reason }, ms / MS);
  }
}

function addStanding(registry: Registry, standing: () => IngestStanding | null): void {
  const gauge = (name: string, help: string, value: (standing: IngestStanding) => number): void => {
    asked(registry, `fillstream_ingestor_${name}`, help, [], () => {
      const now = standing();
      return [{ value: now === null ? 0 : value(now) }];
    });
  };
  gauge('queued_records', 'Records that wait for the log.', ({ addresses }) => addresses.reduce((sum, { queued }) => sum + queued, 0));
  gauge('held_records', 'Records that wait for a repair.', ({ addresses }) => addresses.reduce((sum, { held }) => sum + held, 0));
  gauge('spilling', '1 while records wait in the spill file.', ({ isSpilling }) => Number(isSpilling));
  gauge('spill_bytes', 'What waits in the spill file.', ({ spillBytes }) => spillBytes);
  gauge('spill_limit_bytes', 'How much may wait there; 0 without a spill file.', ({ spillLimitBytes }) => spillLimitBytes);
  gauge('leader', '1 for the ingestor that shares the watchlist.', ({ isLeader }) => Number(isLeader));
  gauge('addresses_without_room', 'Addresses that no ingestor has room for; told by the leader.', ({ withoutRoom }) => withoutRoom);
  gauge('tick_partitions', 'Partitions whose ticks come from here.', ({ ticks }) => ticks);
  gauge('tick_age_seconds', 'Since the last of them; 0 without such a partition.', ({ sinceTickMs }) => sinceTickMs / MS);
}

function addStates(registry: Registry, standing: () => IngestStanding | null): void {
  asked(registry, 'fillstream_ingestor_addresses', 'Addresses of this ingestor, by state.', ['state'], () => {
    const addresses = standing()?.addresses ?? [];
    return STATES.map((state) => ({ labels: [state], value: addresses.filter((address) => address.state === state).length }));
  });
}

function addLimits(registry: Registry, standing: () => IngestStanding | null): void {
  asked(registry, 'fillstream_ingestor_limit_used_ratio', 'How much of each of the exchange\'s limits is used.', ['limit'], () => {
    const now = standing();
    return LIMITS.map((limit) => ({ labels: [limit], value: now === null ? 0 : now[limit].used / now[limit].limit }));
  });
}
