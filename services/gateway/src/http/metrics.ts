// What the gateway tells of itself as Prometheus metrics. Labels have few values: never an address, a token or a URL.

import { asked, counted, countedBy, measuredBy, type Told } from '@fillstream/observe';
import { Counter, type Histogram, type Registry } from 'prom-client';
import type { SignalFeed } from '../feed/feed.ts';
import type { Transport } from './audit.ts';
import { ENDS, type Connections, type End } from './connections.ts';
import { REASONS, type RefusalReason } from './errors.ts';

export type GatewayStanding = {
  readonly feed: Pick<SignalFeed, 'isReady' | 'counts' | 'history' | 'next'>;
  readonly connections: Pick<Connections, 'count' | 'bufferedBytes' | 'most'>;
};

const TRANSPORTS: readonly Transport[] = ['ws', 'sse'];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MS = 1_000;
/** What was so long ago says nothing of now. */
const RECENT_S = 60;
/** Of a route that isn't there. */
const NO_ROUTE = 'none';

export class GatewayMetrics {
  readonly registry: Registry;
  readonly #deliveries: Readonly<Record<Transport, { count: number }>> = { ws: { count: 0 }, sse: { count: 0 } };
  readonly #refusals: Counter<'reason'>;
  readonly #ends: Counter<'end'>;
  readonly #behind: Counter;
  #requests: Histogram<'route'> | null = null;

  constructor(registry: Registry) {
    this.registry = registry;
    const deliveries = this.#deliveries;
    new Counter({
      name: nameOf('deliveries_total'), help: 'Signals handed to clients.', labelNames: ['transport'], registers: [registry],
      // A delivery is an addition; what a counter costs is paid at each scrape.
      collect() {
        this.reset();
        for (const transport of TRANSPORTS) this.labels(transport).inc(deliveries[transport].count);
      },
    });
    this.#refusals = countedBy(registry, nameOf('refusals_total'), 'Requests, streams and messages that were refused.', 'reason', REASONS);
    this.#ends = countedBy(registry, nameOf('disconnects_total'), 'Streams that ended.', 'end', ENDS);
    this.#behind = counted(registry, nameOf('behind_total'), 'Times that a client read too slowly, and went back to the read model.');
  }

  /** Asked at each scrape. */
  show({ feed, connections }: GatewayStanding): void {
    const gauge = (end: string, help: string, labels: readonly string[], ask: () => Iterable<Told>): void => (
      asked(this.registry, nameOf(end), help, labels, ask)
    );
    gauge('connections', 'Streams that are open.', ['transport'], () => (
      TRANSPORTS.map((transport) => ({ labels: [transport], value: connections.count(transport) }))
    ));
    gauge('connections_limit', 'How many there may be.', [], () => [{ value: connections.most }]);
    gauge('buffered_bytes', 'What waits in memory for clients to read it.', [], () => [{ value: connections.bufferedBytes }]);
    gauge('subscriptions', 'Subscriptions of all streams.', [], () => [{ value: feed.counts.subscriptions }]);
    gauge('ready', '1 once it has caught up with the log.', [], () => [{ value: Number(feed.isReady) }]);
    gauge('next_offset', 'The next offset of signals that is read.', ['partition'], () => (
      feed.next.map((value, partition) => ({ labels: [partition], value }))
    ));
    gauge('signals_per_second', 'Signals read, in the last whole second.', [], () => (
      feed.history.slice(-1).map(({ signals }) => ({ value: signals }))
    ));
    const latency = 'From a signal\'s record on the log to its subscribers, in the last second that had one, of a minute.';
    gauge('topic_latency_seconds', latency, ['quantile'], () => latencies(feed));
  }

  /** `routes`: all there are. */
  measure(routes: readonly string[]): void {
    const [name, help] = [nameOf('request_duration_seconds'), 'How long answers took.'];
    this.#requests = measuredBy(this.registry, name, help, 'route', [...routes, NO_ROUTE], SECONDS);
  }

  noteRequest(route: string | null, ms: number): void {
    this.#requests?.observe({ route: route ?? NO_ROUTE }, ms / MS);
  }

  noteDelivery(transport: Transport): void {
    this.#deliveries[transport].count += 1;
  }

  noteRefusal(reason: RefusalReason): void {
    this.#refusals.inc({ reason });
  }

  noteEnd(end: End): void {
    this.#ends.inc({ end });
  }

  noteBehind(): void {
    this.#behind.inc();
  }
}

function nameOf(end: string): string {
  return `fillstream_gateway_${end}`;
}

function latencies({ history }: GatewayStanding['feed']): Told[] {
  const last = history.slice(-RECENT_S).findLast(({ p50Ms }) => p50Ms !== null);
  const known = { '0.5': last?.p50Ms ?? null, '0.99': last?.p99Ms ?? null };
  return Object.entries(known).flatMap(([quantile, ms]) => (ms === null ? [] : [{ labels: [quantile], value: ms / MS }]));
}
