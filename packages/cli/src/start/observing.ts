// `start --http`: the metrics, health and readiness of both services, served by the one process that is both.

import type { LiveEvent } from '@fillstream/hyperliquid/live';
import type { LiveIngestStatus } from '@fillstream/ingestor/live';
import type { IngestStanding, ProcessorStanding, Verdict } from '@fillstream/observe';
import { INPUT_TOPICS } from '@fillstream/topics';
import { tell, type Endpoint } from '../flags.ts';
import type { PipelineObserver, PipelineParts } from './pipeline.ts';

export type Observing = {
  readonly observer: PipelineObserver;
  readonly noteLive: (event: LiveEvent) => void;
  readonly close: () => Promise<void>;
};

/** Serves at once. Rejects when the address can't be had. */
export async function observing(at: Endpoint): Promise<Observing> {
  const [{ IngestorMetrics, ProcessorMetrics, newRegistry, serve }, { healthOf }] = await Promise.all([import('@fillstream/observe'), import('@fillstream/processor')]);
  const registry = newRegistry();
  let [parts, tickedAt]: [PipelineParts | null, number | null] = [null, null];
  const health = (of: PipelineParts): ReturnType<typeof healthOf> => {
    const now = performance.now();
    return healthOf({ answeredAt: now, silentMs: Infinity, standings: of.processor.standings, stalledMs: new Map() }, now); // There is no group.
  };
  const processor = new ProcessorMetrics({ topics: INPUT_TOPICS, registry, standing: () => (parts === null ? null : processorStanding(parts, health(parts).partitions)) });
  const ingestor = new IngestorMetrics({ registry, standing: () => {
    const status = parts?.ingest() ?? null;
    return parts === null || status === null ? null : ingestStanding(status, parts.processor.standings.size, tickedAt);
  } });
  const served = await serve({ registry, ...verdictsOf(() => parts, health) }, at);
  tell(`serves ${served.url}/metrics, /healthz and /readyz`);
  return {
    observer: {
      onStarted: (started) => {
        parts = started;
      },
      onLoopEvent: (event) => processor.note(event),
      onDurable: (arrivals) => ingestor.noteDurable(arrivals),
      onTicked: () => {
        tickedAt = performance.now();
        ingestor.noteTick();
      },
    },
    noteLive: (event) => ingestor.note(event),
    close: served.close,
  };
}

function processorStanding({ processor, unread }: PipelineParts, partitions: readonly Omit<ProcessorStanding['partitions'][number], 'holdings'>[]): ProcessorStanding {
  const { holdings } = processor;
  return {
    partitionCount: partitions.length,
    partitions: partitions.map((each) => ({ ...each, holdings: holdings.get(each.partition) ?? null })),
    lags: partitions.flatMap(({ partition }) => unread(partition).map((records, place) => (
      { topic: INPUT_TOPICS[place] ?? '', partition, records, ageMs: records === 0 ? 0 : null, unstable: null }
    ))),
    retention: new Map(),
    redis: null,
  };
}

function ingestStanding(status: LiveIngestStatus, ticks: number, tickedAt: number | null): IngestStanding {
  return { ...status, isLeader: false, withoutRoom: 0, ticks, sinceTickMs: tickedAt === null ? 0 : performance.now() - tickedAt };
}

type Health = (parts: PipelineParts) => { readonly healthy: boolean; readonly ready: boolean; readonly partitions: readonly object[] };

/** Watched addresses have to be live; a journal has none. */
function verdictsOf(asked: () => PipelineParts | null, healthOf: Health): { readonly health: () => Verdict; readonly readiness: () => Verdict } {
  const verdict = (isOk: (health: ReturnType<Health>, states: readonly string[]) => boolean) => (): Verdict => {
    const parts = asked();
    if (parts === null) return { ok: false, detail: { partitions: [] } };
    const health = healthOf(parts);
    const addresses = (parts.ingest()?.addresses ?? []).map(({ address, state, queued }) => ({ address, state, queued }));
    return { ok: isOk(health, addresses.map(({ state }) => state)), detail: { partitions: health.partitions, addresses } };
  };
  return {
    health: verdict(({ healthy }) => healthy),
    readiness: verdict(({ ready }, states) => ready && states.every((state) => state === 'live')),
  };
}
