// How long records and signals are on their way, by stage, as one histogram of a registry.
//
// E1  Only what began a short while ago is observed: a journal, a replay or a backlog of hours says nothing about latency. The
//     others are counted, and how far behind they are is what the lag tells.
// E2  An observation is an addition: it comes with each record, and a scrape with each quarter of a minute.

import { Counter, Histogram, type Registry } from 'prom-client';

export const STAGES = ['exchange_to_ingest', 'ingest_to_log', 'log_to_signal', 'exchange_to_signal'] as const;
export type Stage = (typeof STAGES)[number];

/** What began longer ago isn't live (E1). */
export const LIVE_MS = 300_000;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300] as const;
const MS = 1_000;

/** `counts`: by bucket, what isn't in the one before; the last is for what is beyond all. */
type Observed = { readonly counts: number[]; sum: number; count: number };

export class Latency {
  readonly #histogram: StageHistogram;
  readonly #others: NotLive;

  /** `stages` are those of the service; two services of one process share a registry. */
  constructor(registry: Registry, stages: readonly Stage[]) {
    this.#histogram = histogramIn(registry);
    this.#others = othersIn(registry);
    for (const stage of stages) {
      this.#histogram.begin(stage);
      this.#others.add(stage, 0);
    }
  }

  /** Times are milliseconds since the epoch, by the clocks of several machines; NaN: there is no such time. */
  note(stage: Stage, from: number, to: number, now: number): void {
    if (Number.isNaN(from)) return;
    if (now - from > LIVE_MS) this.#others.add(stage, 1);
    else this.#histogram.add(stage, Math.max(0, to - from) / MS);
  }
}

class StageHistogram extends Histogram<'stage'> {
  readonly #observed = new Map<Stage, Observed>();

  constructor(registry: Registry) {
    super({ name: NAME, help: HELP, labelNames: ['stage'], buckets: [...SECONDS], registers: [registry] });
  }

  begin(stage: Stage): Observed {
    const held = this.#observed.get(stage) ?? { counts: [...SECONDS.map(() => 0), 0], sum: 0, count: 0 };
    this.#observed.set(stage, held);
    return held;
  }

  add(stage: Stage, seconds: number): void {
    const observed = this.#observed.get(stage) ?? this.begin(stage);
    let bucket = 0;
    while (bucket < SECONDS.length && seconds > (SECONDS[bucket] ?? Infinity)) bucket += 1;
    observed.counts[bucket] = (observed.counts[bucket] ?? 0) + 1;
    observed.sum += seconds;
    observed.count += 1;
  }

  /** What the registry asks for, in place of what `observe` has noted. */
  async getForPromString(): Promise<object> {
    return await Promise.resolve({ name: NAME, help: HELP, type: 'histogram', aggregator: 'sum', values: Array.from(this.#observed, valuesOf).flat() });
  }
}

function valuesOf([stage, { counts, sum, count }]: readonly [Stage, Observed]): object[] {
  const value = (end: string, labels: object, is: number): object => ({ metricName: `${NAME}_${end}`, labels, sharedLabels: { stage }, value: is });
  let below = 0;
  const buckets = counts.map((inside, place) => {
    below += inside;
    return value('bucket', { le: SECONDS[place] ?? '+Inf' }, below);
  });
  return [...buckets, value('sum', {}, sum), value('count', {}, count)];
}

class NotLive extends Counter<'stage'> {
  /** Since the last scrape. */
  readonly #more = new Map<Stage, number>();

  add(stage: Stage, count: number): void {
    this.#more.set(stage, (this.#more.get(stage) ?? 0) + count);
  }

  override async get(): ReturnType<Counter<'stage'>['get']> {
    for (const [stage, count] of this.#more) this.inc({ stage }, count);
    this.#more.clear();
    return await super.get();
  }
}

const NAME = 'fillstream_latency_seconds';
const HELP = 'How long records and signals were on their way, while they were live.';
const OTHERS = 'fillstream_latency_not_live_total';

function histogramIn(registry: Registry): StageHistogram {
  const found = registry.getSingleMetric(NAME);
  return found instanceof StageHistogram ? found : new StageHistogram(registry);
}

function othersIn(registry: Registry): NotLive {
  const found = registry.getSingleMetric(OTHERS);
  if (found instanceof NotLive) return found;
  return new NotLive({ name: OTHERS, help: 'Of each stage, what began too long ago to say anything about latency.', labelNames: ['stage'], registers: [registry] });
}
