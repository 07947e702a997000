// What an ingestor meets and how it stands, as Prometheus metrics. Labels have few values: never an address or a coin.

import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';

/** An event of the live feed, as far as it is counted here. */
export type IngestEvent = {
  readonly kind: string;
  readonly source?: string;
  readonly end?: string;
  readonly records?: number;
};

type Usage = { readonly used: number; readonly limit: number };

/** How an ingestor stands, as far as it is shown here. */
export type IngestStanding = {
  readonly addresses: readonly { readonly state: string; readonly held: number; readonly queued: number }[];
  readonly isSpilling: boolean;
  readonly isLeader: boolean;
  readonly withoutRoom: number;
  /** Partitions that it tells the time. */
  readonly ticks: number;
  readonly connections: Usage;
  readonly connects: Usage;
  readonly messages: Usage;
  readonly weight: Usage;
};

/** What is counted by its kind alone; the rest is counted by more, or by the feed. */
const COUNTED = [
  'repaired', 'repairFailed', 'gap', 'badFrame', 'unknownFrame', 'errorFrame', 'unknownCoin', 'requestFailed', 'throttled', 'sinkFailed', 'paused',
];
const STATES = ['connecting', 'holding', 'live', 'waiting'];
const LIMITS = ['connections', 'connects', 'messages', 'weight'] as const;

export class IngestorMetrics {
  readonly registry = new Registry();
  readonly #records: Counter<'source'>;
  readonly #ends: Counter<'end'>;
  readonly #events: Counter<'kind'>;

  /** `standing` is asked at each scrape; null before the ingestor has started. */
  constructor(standing: () => IngestStanding | null) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, prefix: 'fillstream_' });
    this.#records = new Counter({ name: 'fillstream_ingestor_records_total', help: 'Records handed on.', labelNames: ['source'], registers });
    this.#ends = new Counter({ name: 'fillstream_ingestor_disconnects_total', help: 'Connections that ended.', labelNames: ['end'], registers });
    this.#events = new Counter({ name: 'fillstream_ingestor_events_total', help: 'What the feed met.', labelNames: ['kind'], registers });
    for (const kind of COUNTED) this.#events.inc({ kind }, 0);
    const gauge = (name: string, help: string, value: (standing: IngestStanding) => number): void => {
      new Gauge({ name: `fillstream_ingestor_${name}`, help, registers, collect() { this.set(valueOf(standing(), value)); } });
    };
    gauge('queued_records', 'Records that wait for the log.', ({ addresses }) => addresses.reduce((sum, { queued }) => sum + queued, 0));
    gauge('held_records', 'Records that wait for a repair.', ({ addresses }) => addresses.reduce((sum, { held }) => sum + held, 0));
    gauge('spilling', '1 while records wait in the spill file.', ({ isSpilling }) => Number(isSpilling));
    gauge('leader', '1 for the ingestor that shares the watchlist.', ({ isLeader }) => Number(isLeader));
    gauge('addresses_without_room', 'Addresses that no ingestor has room for; told by the leader.', ({ withoutRoom }) => withoutRoom);
    gauge('tick_partitions', 'Partitions whose ticks come from here.', ({ ticks }) => ticks);
    this.#addStates(standing);
    this.#addLimits(standing);
  }

  note({ kind, source = 'unknown', end = 'unknown', records = 0 }: IngestEvent): void {
    if (kind === 'records') this.#records.inc({ source }, records);
    else if (kind === 'disconnected') this.#ends.inc({ end });
    else if (COUNTED.includes(kind)) this.#events.inc({ kind });
  }

  #addStates(standing: () => IngestStanding | null): void {
    new Gauge({
      name: 'fillstream_ingestor_addresses', help: 'Addresses of this ingestor, by state.', labelNames: ['state'], registers: [this.registry],
      collect() {
        const addresses = standing()?.addresses ?? [];
        for (const state of STATES) this.set({ state }, addresses.filter((address) => address.state === state).length);
      },
    });
  }

  #addLimits(standing: () => IngestStanding | null): void {
    new Gauge({
      name: 'fillstream_ingestor_limit_used_ratio', help: 'How much of each of the exchange\'s limits is used.', labelNames: ['limit'], registers: [this.registry],
      collect() {
        const now = standing();
        for (const limit of LIMITS) this.set({ limit }, now === null ? 0 : now[limit].used / now[limit].limit);
      },
    });
  }
}

function valueOf(standing: IngestStanding | null, value: (standing: IngestStanding) => number): number {
  return standing === null ? 0 : value(standing);
}
