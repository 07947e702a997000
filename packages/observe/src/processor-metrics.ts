// The events of partition loops as Prometheus metrics. Labels have few values: never an address, an order or a coin.

import type { LoopEvent } from '@fillstream/runtime';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';

const MS = 1_000;

export class ProcessorMetrics {
  readonly registry = new Registry();
  readonly #records: Counter<'topic'>;
  readonly #signals: Counter<'trigger'>;
  readonly #revisions: Counter;
  readonly #quarantined: Counter<'reason'>;
  readonly #lacks: Counter<'missing'>;
  readonly #commits: Counter;
  readonly #takeOvers: Counter<'how'>;
  readonly #replayed: Counter;
  readonly #interruptions: Counter;
  readonly #streamTime: Gauge<'partition'>;
  readonly #topics: readonly string[];

  /** `topics`: the names of the input topics, in the order of a commit's merge. */
  constructor(topics: readonly string[]) {
    const registers = [this.registry];
    this.#topics = topics;
    collectDefaultMetrics({ register: this.registry, prefix: 'fillstream_' });
    this.#records = new Counter({ name: 'fillstream_records_total', help: 'Input records committed.', labelNames: ['topic'], registers });
    this.#signals = new Counter({ name: 'fillstream_signals_total', help: 'Signals committed, revisions among them.', labelNames: ['trigger'], registers });
    this.#revisions = new Counter({ name: 'fillstream_revisions_total', help: 'Signals that restate an earlier one.', registers });
    this.#quarantined = new Counter({ name: 'fillstream_quarantined_total', help: 'Records refused.', labelNames: ['reason'], registers });
    this.#lacks = new Counter({ name: 'fillstream_repairs_asked_total', help: 'Orders of which fills or the end should be there and are not.', labelNames: ['missing'], registers });
    this.#commits = new Counter({ name: 'fillstream_commits_total', help: 'Commits to the log.', registers });
    this.#takeOvers = new Counter({ name: 'fillstream_take_overs_total', help: 'Partitions taken over.', labelNames: ['how'], registers });
    this.#replayed = new Counter({ name: 'fillstream_replayed_records_total', help: 'Records replayed at take-overs.', registers });
    this.#interruptions = new Counter({ name: 'fillstream_interruptions_total', help: 'Failures after which a partition was taken over anew.', registers });
    this.#streamTime = new Gauge({ name: 'fillstream_stream_time_seconds', help: 'Stream time of a partition, since the epoch.', labelNames: ['partition'], registers });
  }

  note(event: LoopEvent): void {
    switch (event.kind) {
      case 'takenOver':
        this.#takeOvers.inc({ how: event.how });
        this.#replayed.inc(event.replayed);
        return;
      case 'interrupted':
        this.#interruptions.inc();
        return;
      case 'committed':
        this.#noteCommit(event);
    }
  }

  #noteCommit({ partition, commit, streamTime }: Extract<LoopEvent, { readonly kind: 'committed' }>): void {
    this.#commits.inc();
    for (const { topic, count } of commit.merge) this.#records.inc({ topic: this.#topics[topic] ?? String(topic) }, count);
    for (const { trigger, revision } of commit.signals) {
      this.#signals.inc({ trigger });
      if (revision > 1) this.#revisions.inc();
    }
    for (const { reason } of commit.refused) this.#quarantined.inc({ reason });
    for (const { missing } of commit.lacks) this.#lacks.inc({ missing });
    if (Number.isFinite(streamTime)) this.#streamTime.set({ partition }, streamTime / MS);
  }
}
