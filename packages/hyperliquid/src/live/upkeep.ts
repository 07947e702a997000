// What is asked for beside the live records of one address: orders whose end is missing, orders somebody asks for, and audits.
//
// U1  All of it goes through the stream, so it keeps its turn; none of it holds live records back.
// U2  An audit compares what REST has with what is remembered: a frame that vanished without a trace is found by it alone.

import { detailOf, type OnEvent, type RepairReason } from './events.ts';
import { isObject } from './frames.ts';
import { fetchHistory } from './history.ts';
import { InfoError, PRIORITY, type InfoClient } from './info.ts';
import type { Intake } from './intake.ts';
import { isTime, timeOf } from './rows.ts';
import type { ExchangeLimits, FeedSettings, Periods } from './settings.ts';
import { fetchStatuses } from './statuses.ts';
import type { Stream } from './stream.ts';
import { isStopped, jittered, sleep } from './waiting.ts';

export type UpkeepOptions = {
  readonly address: string;
  readonly stream: Stream;
  readonly info: InfoClient;
  readonly intake: Intake;
  readonly limits: ExchangeLimits;
  readonly periods: Periods;
  readonly settings: FeedSettings;
  readonly random: () => number;
  readonly now: () => number;
  readonly onEvent: OnEvent;
  readonly onFailed: (error: unknown) => void;
};

const ATTEMPTS = 4;
const GREATEST_ASKED = 1_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #stop = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  readonly #asked = new Set<number>();
  #isAnswering = false;
  #isAuditing = false;
  #auditedTo = -Infinity;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Asks for an order that misses fills or its end; false when too many wait. */
  ask(oid: number): boolean {
    if (this.#asked.size >= GREATEST_ASKED && !this.#asked.has(oid)) return false;
    this.#asked.add(oid);
    if (!this.#isAnswering) this.#track(this.#answerAll());
    return true;
  }

  /** Asks for the ends of orders that filled in a time that was repaired. */
  askStatuses(oids: ReadonlySet<number>): void {
    const { address, info, intake, onEvent, settings, stream } = this.#options;
    const open = (): number[] => [...oids].filter((oid) => !intake.hasEnded(oid));
    if (open().length === 0) return;
    this.#track(this.#persist('asked', async (signal) => {
      await fetchStatuses({
        info, address, oids: open(), limit: settings.statusesPerRepair, signal, onEvent,
        onUpdates: (updates) => stream.take(intake.updates(updates, 'repair')),
      });
    }));
  }

  /** Looks for what the socket didn't bring, since the last look. */
  audit(): void {
    if (this.#isAuditing || !this.#options.stream.isLive) return;
    this.#isAuditing = true;
    this.#track(this.#persist('audit', async () => await this.#auditOnce()).finally(() => {
      this.#isAuditing = false;
    }));
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    await Promise.all(this.#jobs);
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    for (const oid of this.#asked) {
      await this.#persist('asked', async () => await this.#answer(oid));
      this.#asked.delete(oid);
    }
    this.#isAnswering = false;
  }

  /** The order's fills from its beginning on, and its status. */
  async #answer(oid: number): Promise<void> {
    const { address, info, intake, limits, now, onEvent, periods, stream } = this.#options;
    const ask = { priority: PRIORITY.status, signal: this.#stop.signal };
    const started = performance.now();
    const update = await info.orderStatus(address, oid, ask);
    const order = update?.['order'];
    const placedAt = isObject(order) ? order['timestamp'] : null;
    const from = isTime(placedAt) ? placedAt : (stream.reachBack ?? now());
    const { rows } = await fetchHistory({
      info, address, limits, lagMs: periods.lagMs, from, known: null, snapshot: null, confirm: false, ask,
    });
    const fills = rows.map(({ data }) => data).filter((data) => data['oid'] === oid);
    const records = [...intake.fills(fills, 'repair'), ...(update === null ? [] : intake.updates([update], 'repair'))];
    stream.take(records);
    onEvent({ kind: 'repaired', address, reason: 'asked', records: records.length, ms: Math.round(performance.now() - started) });
  }

  async #auditOnce(): Promise<void> {
    const { address, info, intake, limits, now, onEvent, periods, settings, stream } = this.#options;
    const started = performance.now();
    const to = now() - settings.auditBehindMs;
    const from = Math.min(Math.max(this.#auditedTo, stream.coveredTo ?? to), to) - settings.overlapMs;
    const ask = { priority: PRIORITY.audit, signal: this.#stop.signal };
    const history = await fetchHistory({
      info, address, limits, lagMs: periods.lagMs, from, known: intake.latest, snapshot: null, confirm: false, ask,
    });
    if (history.behind !== null) throw new InfoError(history.behind.reason, { retryable: true });
    if (!stream.isLive) return; // A repair looks further.
    this.#auditedTo = to;
    const rows = history.rows.map(({ data }) => data).filter((row) => (timeOf(row) ?? to) <= to);
    const records = intake.push(intake.fills(rows, 'repair'));
    onEvent({ kind: 'repaired', address, reason: 'audit', records, ms: Math.round(performance.now() - started) });
  }

  /** Tried a few times; what fails for good is told. */
  async #persist(reason: RepairReason, task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    const { address, onEvent, periods, random } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS && !isStopped(signal); attempt += 1) {
      try {
        await task(signal);
        return;
      } catch (error) {
        if (isStopped(signal)) return;
        if (!(error instanceof InfoError)) throw error;
        onEvent({ kind: 'repairFailed', address, reason, detail: detailOf(error) });
      }
      await sleep(jittered(attempt, { leastMs: periods.retryLeastMs, mostMs: periods.retryMostMs, random }), signal);
    }
  }

  #track(job: Promise<void>): void {
    const tracked = job.catch((error: unknown) => this.#options.onFailed(error)).finally(() => this.#jobs.delete(tracked));
    this.#jobs.add(tracked);
  }
}
