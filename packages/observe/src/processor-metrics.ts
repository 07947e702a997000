// The events of partition loops, and how a processor stands, as Prometheus metrics. Labels have few values: never an address, an
// order or a coin.

import { REFUSAL_REASONS, TRIGGERS, type Counts } from '@fillstream/core';
import { PortError, STATE_LOSSES, TALLY_KINDS, type LoopEvent } from '@fillstream/runtime';
import { Counter, Histogram, type Registry } from 'prom-client';
import { Latency } from './latency.ts';
import { addProcessorGauges, type ProcessorStanding } from './processor-gauges.ts';
import { counted, countedBy, measuredBy, newRegistry } from './registry.ts';

export type ProcessorMetricsOptions = {
  /** The names of the input topics, in the order of a commit's merge. */
  readonly topics: readonly string[];
  /** Asked at each scrape; null before the processor has started. */
  readonly standing?: () => ProcessorStanding | null;
  /** Steps of a commit that the log has beside the loop's, and kinds of errors that the clients tell. */
  readonly steps?: readonly string[];
  readonly kafkaErrors?: readonly string[];
  readonly redisErrors?: readonly string[];
  /** One that another service of the process has too. */
  readonly registry?: Registry;
};

const MS = 1_000;
const PHASES = ['prefetch', 'decide', 'commit', 'checkpoint'] as const;
const PHASE_SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const TAKE_OVER_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 7_200];
const REBALANCE_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const COMMIT_RECORDS = [1, 5, 10, 50, 100, 250, 500, 1_000, 2_000];
/** A failed commit or a broken log, by the port's code. */
const LOG_ERRORS = ['fenced', 'unknown-outcome', 'unknown-position', 'log-broken', 'log-full'] as const satisfies readonly PortError['code'][];
/** Of Counts: what was applied, and changed nothing. */
const IGNORED = [
  'duplicates', 'stale', 'duplicateUpdates', 'staleUpdates', 'ignored', 'unknownStatuses', 'droppedStatuses', 'expiredStatuses',
] as const satisfies readonly (keyof Counts)[];

export class ProcessorMetrics {
  readonly registry: Registry;
  readonly #topics: readonly string[];
  readonly #latency: Latency;
  readonly #records: Counter<'topic' | 'kind'>;
  readonly #signals: Counter<'trigger'>;
  readonly #quarantined: Counter<'reason'>;
  readonly #lacks: Counter<'missing'>;
  readonly #ignored: Counter<'why'>;
  readonly #takeOvers: Counter<'how'>;
  readonly #takeOverSeconds: Histogram<'how'>;
  readonly #losses: Counter<'why'>;
  readonly #phases: Histogram<'phase'>;
  readonly #kafkaErrors: Counter<'kind'>;
  readonly #redisErrors: Counter<'kind'>;
  readonly #commitRecords: Histogram;
  readonly #rebalanceSeconds: Histogram;
  readonly #revisions: Counter;
  readonly #orphaned: Counter;
  readonly #lateFills: Counter;
  readonly #finished: Counter;
  readonly #commits: Counter;
  readonly #replayed: Counter;
  readonly #interruptions: Counter;
  readonly #rebalances: Counter;
  /** By partition, what had been counted at its last commit. */
  readonly #counts = new Map<number, Counts>();

  constructor({ topics, standing = () => null, steps = [], kafkaErrors = [], redisErrors = [], registry = newRegistry() }: ProcessorMetricsOptions) {
    this.registry = registry;
    this.#topics = topics;
    this.#latency = new Latency(registry, ['exchange_to_ingest', 'log_to_signal', 'exchange_to_signal']);
    this.#records = recordsIn(registry, topics);
    this.#signals = countedBy(registry, 'fillstream_signals_total', 'Signals committed, revisions among them.', 'trigger', TRIGGERS);
    this.#revisions = counted(registry, 'fillstream_revisions_total', 'Signals that restate an earlier one.');
    this.#quarantined = countedBy(registry, 'fillstream_quarantined_total', 'Records refused.', 'reason', REFUSAL_REASONS);
    this.#ignored = countedBy(registry, 'fillstream_ignored_records_total', 'Records, and parked statuses, that changed nothing.', 'why', IGNORED);
    this.#orphaned = counted(registry, 'fillstream_orphaned_statuses_total', 'Orders that ended, and whose fills never came.');
    this.#lateFills = counted(registry, 'fillstream_late_fills_total', 'Fills of a leg that had been signalled already.');
    this.#finished = counted(registry, 'fillstream_finished_orders_total', 'Orders that are over, and off the record.');
    this.#lacks = countedBy(registry, 'fillstream_repairs_asked_total', 'Orders of which fills or the end should be there and are not.', 'missing', ['fills', 'status']);
    this.#commits = counted(registry, 'fillstream_commits_total', 'Commits to the log.');
    this.#commitRecords = new Histogram({ name: 'fillstream_commit_records', help: 'Records of a commit.', buckets: COMMIT_RECORDS, registers: [registry] });
    this.#phases = measuredBy(registry, 'fillstream_commit_duration_seconds', 'How long the steps of commits and checkpoints took.', 'phase', [...PHASES, ...steps], PHASE_SECONDS);
    this.#takeOvers = countedBy(registry, 'fillstream_take_overs_total', 'Partitions taken over.', 'how', HOWS);
    this.#takeOverSeconds = measuredBy(registry, 'fillstream_take_over_duration_seconds', 'How long it took to take a partition over.', 'how', HOWS, TAKE_OVER_SECONDS);
    this.#replayed = counted(registry, 'fillstream_replayed_records_total', 'Records replayed at take-overs.');
    this.#losses = countedBy(registry, 'fillstream_state_losses_total', 'Partitions whose state in the store was of no use.', 'why', STATE_LOSSES);
    this.#interruptions = counted(registry, 'fillstream_interruptions_total', 'Failures after which a partition was taken over anew.');
    this.#rebalances = counted(registry, 'fillstream_rebalances_total', 'Joinings of the consumer group.');
    this.#rebalanceSeconds = new Histogram({ name: 'fillstream_rebalance_duration_seconds', help: 'How long joining the group took.', buckets: REBALANCE_SECONDS, registers: [registry] });
    this.#kafkaErrors = countedBy(registry, 'fillstream_kafka_errors_total', 'What the Kafka client met, and what failed for it.', 'kind', [...kafkaErrors, ...LOG_ERRORS]);
    this.#redisErrors = countedBy(registry, 'fillstream_redis_errors_total', 'Calls to Redis that failed, each attempt.', 'kind', redisErrors);
    addProcessorGauges(registry, standing);
  }

  note(event: LoopEvent): void {
    switch (event.kind) {
      case 'takenOver':
        this.#noteTakeOver(event);
        return;
      case 'interrupted':
        this.#interruptions.inc();
        this.#noteFailure(event.error);
        return;
      case 'checkpointed':
        this.noteStep('checkpoint', event.ms);
        return;
      case 'committed':
        this.#noteCommit(event);
    }
  }

  /** A step of a commit that took so many milliseconds. */
  noteStep(step: string, ms: number): void {
    this.#phases.observe({ phase: step }, ms / MS);
  }

  /** A joining of the group. */
  noteJoined(ms: number): void {
    this.#rebalances.inc();
    this.#rebalanceSeconds.observe(ms / MS);
  }

  noteKafkaError(kind: string): void {
    this.#kafkaErrors.inc({ kind });
  }

  noteRedisError(kind: string): void {
    this.#redisErrors.inc({ kind });
  }

  #noteTakeOver({ partition, how, replayed, lost, counts, ms }: Extract<LoopEvent, { readonly kind: 'takenOver' }>): void {
    this.#counts.set(partition, counts);
    this.#takeOvers.inc({ how });
    this.#takeOverSeconds.observe({ how }, ms / MS);
    this.#replayed.inc(replayed);
    if (lost !== null) this.#losses.inc({ why: lost });
  }

  #noteFailure(error: Error): void {
    const code = error instanceof PortError ? LOG_ERRORS.find((each) => each === error.code) : undefined;
    if (code !== undefined) this.#kafkaErrors.inc({ kind: code });
  }

  #noteCommit({ partition, commit, tally, took }: Extract<LoopEvent, { readonly kind: 'committed' }>): void {
    this.#commits.inc();
    this.noteStep('prefetch', took.prefetch);
    this.noteStep('decide', took.decide);
    this.noteStep('commit', took.commit);
    this.#commitRecords.observe(commit.merge.reduce((sum, { count }) => sum + count, 0));
    for (const { trigger, revision } of commit.signals) {
      this.#signals.inc({ trigger });
      if (revision > 1) this.#revisions.inc();
    }
    for (const { reason } of commit.refused) this.#quarantined.inc({ reason });
    for (const { missing } of commit.lacks) this.#lacks.inc({ missing });
    if (tally === null) return;
    this.#noteRecords(tally.kinds);
    this.#noteLatency(tally);
    if (tally.counts !== null) this.#noteCounts(partition, tally.counts);
  }

  #noteRecords(kinds: readonly (readonly number[])[]): void {
    for (const [topic, counts] of kinds.entries()) {
      for (const [place, kind] of TALLY_KINDS.entries()) {
        const count = counts[place] ?? 0;
        if (count > 0) this.#records.inc({ topic: this.#topics[topic] ?? String(topic), kind }, count);
      }
    }
  }

  #noteLatency({ times, causes }: NonNullable<Extract<LoopEvent, { readonly kind: 'committed' }>['tally']>): void {
    const now = Date.now();
    for (let place = 0; place < times.length; place += 2) {
      this.#latency.note('exchange_to_ingest', times[place] ?? NaN, times[place + 1] ?? NaN, now);
    }
    for (const { receivedAt, exchangeAt } of causes) {
      this.#latency.note('log_to_signal', receivedAt, now, now);
      this.#latency.note('exchange_to_signal', exchangeAt, now, now);
    }
  }

  #noteCounts(partition: number, counts: Counts): void {
    const before = this.#counts.get(partition);
    this.#counts.set(partition, counts);
    const since = (name: (typeof IGNORED)[number] | 'orphaned' | 'lateFills' | 'finished'): number => Math.max(0, counts[name] - (before?.[name] ?? 0));
    for (const why of IGNORED) if (since(why) > 0) this.#ignored.inc({ why }, since(why));
    this.#orphaned.inc(since('orphaned'));
    this.#lateFills.inc(since('lateFills'));
    this.#finished.inc(since('finished'));
  }
}

const HOWS = ['resumed', 'caught-up', 'rebuilt'] as const satisfies readonly Extract<LoopEvent, { readonly kind: 'takenOver' }>['how'][];

function recordsIn(registry: Registry, topics: readonly string[]): Counter<'topic' | 'kind'> {
  const records = new Counter({ name: 'fillstream_records_total', help: 'Input records committed.', labelNames: ['topic', 'kind'], registers: [registry] });
  for (const topic of topics) for (const kind of TALLY_KINDS) records.inc({ topic, kind }, 0);
  return records;
}
