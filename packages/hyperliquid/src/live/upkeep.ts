// What is asked for beside the live records of one address: orders whose end is missing, orders somebody asks for, and audits.
//
// U1  All of it goes through the stream, so it keeps its turn; none of it holds live records back.
// U2  An audit compares what REST has with what is remembered: a frame that vanished without a trace is found by it alone. It begins
//     where comparing ended: a repair that reached back less far has left something to it.
// U3  What is asked for while REST answers waits, and is asked for as one: a history once for all orders, none for a missing end.

import { detailOf, type OnEvent, type RepairReason } from './events.ts';
import { isObject } from './frames.ts';
import { fetchHistory } from './history.ts';
import { InfoError, PRIORITY, type InfoClient } from './info.ts';
import type { Intake } from './intake.ts';
import type { Json } from './ports.ts';
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

/** Of an order: fills, or only its end. */
export type Missing = 'fills' | 'status';

const ATTEMPTS = 4;
const GREATEST_ASKED = 1_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #stop = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  readonly #asked = new Map<number, Missing>();
  #isAnswering = false;
  #isAuditing = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Asks for an order that misses fills or its end; false when too many wait. */
  ask(oid: number, missing: Missing): boolean {
    if (this.#asked.size >= GREATEST_ASKED && !this.#asked.has(oid)) return false;
    if (this.#asked.get(oid) !== 'fills') this.#asked.set(oid, missing);
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

  /** U3. */
  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    while (this.#asked.size > 0) {
      const asked = new Map(this.#asked);
      this.#asked.clear();
      await this.#persist('asked', async (signal) => await this.#answer(asked, signal));
    }
    this.#isAnswering = false;
  }

  /** The status of all, and the fills of those that miss some. */
  async #answer(asked: ReadonlyMap<number, Missing>, signal: AbortSignal): Promise<void> {
    const { address, info, intake, onEvent, stream } = this.#options;
    const started = performance.now();
    const updates: Json[] = [];
    await fetchStatuses({
      info, address, oids: [...asked.keys()], limit: Infinity, signal, onEvent,
      onUpdates: (some) => updates.push(...some),
    });
    const fills = await this.#fillsOf([...asked].flatMap(([oid, missing]) => (missing === 'fills' ? [oid] : [])), updates, signal);
    const records = [...intake.fills(fills, 'repair'), ...intake.updates(updates, 'repair')];
    stream.take(records);
    onEvent({ kind: 'repaired', address, reason: 'asked', records: records.length, ms: Math.round(performance.now() - started) });
  }

  /** From the first one's placement on, as far as their updates tell it. */
  async #fillsOf(oids: readonly number[], updates: readonly Json[], signal: AbortSignal): Promise<Json[]> {
    if (oids.length === 0) return [];
    const { address, info, limits, now, periods, stream } = this.#options;
    const placements = new Map(updates.flatMap(({ order }) => (isObject(order) && isTime(order['timestamp']) ? [[order['oid'], order['timestamp']]] : [])));
    const from = Math.min(...oids.map((oid) => placements.get(oid) ?? stream.reachBack ?? now()));
    const { rows } = await fetchHistory({
      info, address, limits, lagMs: periods.lagMs, from, known: null, snapshot: null, confirm: false, ask: { priority: PRIORITY.status, signal },
    });
    const wanted = new Set<unknown>(oids);
    return rows.flatMap(({ data }) => (wanted.has(data['oid']) ? [data] : []));
  }

  async #auditOnce(): Promise<void> {
    const { address, info, intake, limits, now, onEvent, periods, settings, stream } = this.#options;
    const started = performance.now();
    const to = now() - settings.auditBehindMs;
    const from = Math.min(stream.comparedTo ?? to, to) - settings.overlapMs;
    const ask = { priority: PRIORITY.audit, signal: this.#stop.signal };
    const history = await fetchHistory({
      info, address, limits, lagMs: periods.lagMs, from, known: intake.latest, snapshot: null, confirm: false, ask,
    });
    if (history.behind !== null) throw new InfoError(history.behind.reason, { retryable: true });
    if (!stream.isLive) return; // A repair looks further.
    stream.compared(from, to);
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
