// One address: what comes over its connections, in the order in which the topics must have it.
//
//   holding ──repaired──▶ live ──connection lost | subscribing anew | frame unreadable──▶ holding
//      └──repair failed──▶ holding (again after a wait)
//
// R1  While a repair runs live records are held; they follow the repaired ones. So repairs go on the topic in ascending time, and
//     before newer live fills (contract §7).
// R2  A repair starts at the last fill before the trouble, minus the overlap; it is done again until it has succeeded once.
// R3  Held records are bounded: beyond it they are dropped, and the repair reaches on to now once more before it ends.
// R4  The first records of an address are its account value, then its past fills (contract §7: they set the horizon).
// R5  A frame that can't be read may have held anything: it is handed on raw, and repaired.

import type { DataFrame } from './connection.ts';
import { detailOf, type ConnectionEnd, type OnEvent, type RepairReason } from './events.ts';
import { isObject } from './frames.ts';
import { fetchHistory, type History } from './history.ts';
import { InfoError, PRIORITY, type InfoClient } from './info.ts';
import type { Intake } from './intake.ts';
import type { Outbox } from './outbox.ts';
import type { InputRecord, Json } from './ports.ts';
import { askableOid, ascending, timeOf } from './rows.ts';
import type { ExchangeLimits, FeedSettings, Periods } from './settings.ts';
import { isStopped, jittered, sleep } from './waiting.ts';

export type StreamOptions = {
  readonly address: string;
  readonly info: InfoClient;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly limits: ExchangeLimits;
  readonly periods: Periods;
  readonly settings: FeedSettings;
  readonly random: () => number;
  readonly now: () => number;
  readonly onEvent: OnEvent;
  /** Ends the connection, as what it sends can't be read. */
  readonly replace: (detail: string) => void;
  /** Repaired: of these orders the end may be missing still. */
  readonly onRepaired: (oids: ReadonlySet<number>) => void;
  readonly onFailed: (error: unknown) => void;
};

/** How often the first account value is asked for before its fills go without. */
const ACCOUNT_ATTEMPTS = 2;
/** How often a history that REST is behind with is asked for again, before the rest of it is told as a gap. */
const BEHIND_ATTEMPTS = 5;

type Fetching = {
  readonly from: number;
  readonly snapshot: readonly Json[] | null;
  readonly isStrict: boolean;
  readonly signal: AbortSignal;
};

export class Stream {
  readonly #options: StreamOptions;
  readonly #stop = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  #mode: 'holding' | 'live' = 'holding';
  #held: InputRecord[] = [];
  #isOverflowed = false;
  #snapshot: readonly Json[] | null = null;
  #onSnapshot: () => void = () => undefined;
  /** From when on something may be missing (ms, the exchange's clock); null: nothing that is known of. */
  #needFrom: number | null = null;
  #comparedTo: number | null = null;
  #repair: AbortController | null = null;
  #repairedAt = -Infinity;
  #repairTimer: NodeJS.Timeout | undefined;
  #badInARow = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Up to when what came was compared with REST (ms, by our clock); null before the first repair. */
  get comparedTo(): number | null {
    return this.#comparedTo;
  }

  /** What came between these times was compared: with what is compared already, if nothing lies between. */
  compared(from: number, to: number): void {
    if (this.#comparedTo === null || from <= this.#comparedTo) this.#comparedTo = Math.max(this.#comparedTo ?? to, to);
  }

  /** Whether live records are handed on as they come. */
  get isLive(): boolean {
    return this.#mode === 'live' && this.#repair === null;
  }

  /** Where a repair of trouble that begins now has to start (ms); null before the first one. */
  get reachBack(): number | null {
    const last = this.#options.intake.latest ?? this.#comparedTo;
    return last === null ? null : last - this.#options.settings.overlapMs;
  }

  get state(): { readonly mode: 'holding' | 'live'; readonly held: number; readonly isRepairing: boolean } {
    return { mode: this.#mode, held: this.#held.length, isRepairing: this.#repair !== null };
  }

  /** A new connection begins to bring frames. */
  subscribing(): void {
    this.#hold();
    this.#snapshot = null;
  }

  /** All of them are acknowledged. */
  up(): void {
    this.#options.onEvent({ kind: 'connected', address: this.#options.address });
    this.#startRepair('connected');
  }

  down(end: ConnectionEnd, detail: string, isUp: boolean): void {
    this.#options.onEvent({ kind: 'disconnected', address: this.#options.address, end, detail });
    if (!isUp) this.#hold();
    else if (end === 'not-subscribed') this.#startRepair('connected');
  }

  receive(frame: DataFrame, text: string): void {
    if (isStopped(this.#stop.signal)) return;
    const { address, intake, onEvent } = this.#options;
    switch (frame.kind) {
      case 'fills':
        if (frame.user !== address) this.#takeUnknown(`fills of ${frame.user}`, text);
        else if (frame.isSnapshot) this.#takeSnapshot(frame);
        else this.take(intake.fills(frame.rows, 'ws'));
        break;
      case 'updates':
        this.take(intake.updates(frame.rows, 'ws'));
        break;
      case 'unknown':
        this.#takeUnknown(frame.detail, text);
        break;
      case 'error':
        onEvent({ kind: 'errorFrame', address, detail: frame.text.slice(0, 300) });
        break;
      case 'bad':
        this.#takeBad(frame.detail, text);
        return;
    }
    this.#badInARow = 0;
  }

  /** Nothing is taken any more; resolves when what was pushed is durable. What is held is left to the next start's repair. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#repair?.abort(new Error('stopped'));
    clearTimeout(this.#repairTimer);
    this.#held = [];
    await Promise.all(this.#jobs);
    await this.#options.outbox.drain();
  }

  // ---- what comes over the socket

  /** In its turn: held while a repair runs. */
  take(records: readonly InputRecord[]): void {
    if (this.#mode === 'live') {
      this.#options.intake.push(records);
      return;
    }
    for (const record of records) this.#held.push(record);
    if (this.#held.length <= this.#options.settings.heldRecords) return;
    this.#held = []; // R3
    this.#isOverflowed = true;
  }

  #takeSnapshot({ channel, rows }: Extract<DataFrame, { readonly kind: 'fills' }>): void {
    const { intake } = this.#options;
    const objects = rows.filter(isObject);
    if (objects.length < rows.length) this.take(intake.fills(rows.filter((row) => !isObject(row)), 'snapshot'));
    if (this.#mode === 'holding' && channel === 'userFills') {
      this.#snapshot = objects;
      this.#onSnapshot();
      return;
    }
    const from = this.reachBack ?? 0;
    this.take(intake.fills(ascending(objects).filter((row) => (timeOf(row) ?? from) >= from), 'snapshot'));
  }

  #takeUnknown(detail: string, text: string): void {
    const { address, intake, onEvent } = this.#options;
    onEvent({ kind: 'unknownFrame', address, detail });
    this.take([intake.raw(text, 'ws')]);
  }

  #takeBad(detail: string, text: string): void {
    const { address, intake, onEvent, replace, settings } = this.#options;
    onEvent({ kind: 'badFrame', address, detail });
    this.take([intake.raw(text, 'ws')]);
    this.#badInARow += 1;
    if (this.#badInARow < settings.badFramesInARow) this.#repairSoon();
    else {
      this.#badInARow = 0;
      replace(detail);
    }
  }

  // ---- repairs

  #noteTrouble(): void {
    const from = this.reachBack;
    if (from !== null) this.#needFrom = Math.min(this.#needFrom ?? from, from);
  }

  #hold(): void {
    this.#noteTrouble();
    this.#mode = 'holding';
    clearTimeout(this.#repairTimer);
    this.#repairTimer = undefined;
    this.#repair?.abort(new Error('another connection'));
    this.#repair = null;
  }

  /** For trouble without a reconnect; no sooner than `repairEveryMs` after the last one. */
  #repairSoon(): void {
    this.#noteTrouble();
    if (this.#repairTimer !== undefined) return;
    const wait = this.#repairedAt + this.#options.periods.repairEveryMs - performance.now();
    this.#repairTimer = setTimeout(() => {
      this.#repairTimer = undefined;
      // One that runs may have asked already; one without a connection comes with the next.
      if (this.#repair !== null) this.#repairSoon();
      else if (this.#mode === 'live') this.#startRepair('bad-frame');
    }, Math.max(this.#repair === null ? 0 : this.#options.periods.repairEveryMs, wait, 0));
  }

  #startRepair(reason: RepairReason): void {
    this.#hold();
    if (isStopped(this.#stop.signal)) return;
    const run = new AbortController();
    this.#repair = run;
    this.#options.onEvent({ kind: 'repairStarted', address: this.#options.address, reason });
    this.#track(this.#repairUntilDone(reason, run.signal).finally(() => {
      if (this.#repair !== run) return;
      this.#repair = null;
      this.#repairedAt = performance.now();
    }));
  }

  async #repairUntilDone(reason: RepairReason, signal: AbortSignal): Promise<void> {
    const { address, onEvent } = this.#options;
    for (let attempt = 0; !isStopped(signal); attempt += 1) {
      const started = performance.now();
      try {
        const records = await this.#repairOnce(reason, attempt < BEHIND_ATTEMPTS, signal);
        onEvent({ kind: 'repaired', address, reason, records, ms: Math.round(performance.now() - started) });
        return;
      } catch (error) {
        if (isStopped(signal)) return;
        if (!(error instanceof InfoError)) throw error;
        onEvent({ kind: 'repairFailed', address, reason, detail: detailOf(error) });
      }
      await sleep(this.#waitFor(attempt), signal);
    }
  }

  /** How many records were pushed. `isStrict`: a history that REST is behind with isn't taken. */
  async #repairOnce(reason: RepairReason, isStrict: boolean, signal: AbortSignal): Promise<number> {
    const { intake, now, periods } = this.#options;
    if (reason === 'connected') await this.#greeted(periods.snapshotMs, signal);
    const since = this.#needFrom ?? this.reachBack ?? await this.#firstFrom(signal);
    const startedAt = now();
    let history = await this.#fetch({ from: since, snapshot: this.#snapshot, isStrict, signal });
    let pushed = this.#pushHistory(history);
    const oids = new Set(oidsOf(history));
    while (this.#isOverflowed) {
      this.#options.onEvent({ kind: 'repairStarted', address: this.#options.address, reason: 'held-overflow' });
      this.#isOverflowed = false;
      history = await this.#fetch({ from: this.reachBack ?? since, snapshot: null, isStrict, signal });
      pushed += this.#pushHistory(history);
      for (const oid of oidsOf(history)) oids.add(oid);
    }
    pushed += intake.push(this.#held);
    this.#held = [];
    this.#snapshot = null;
    this.#mode = 'live';
    this.#needFrom = null;
    this.compared(since, startedAt);
    this.#options.onRepaired(oids);
    return pushed;
  }

  /** Resolves with the snapshot there, or in vain after a while. */
  async #greeted(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#snapshot !== null) return;
    const waiting = new AbortController();
    this.#onSnapshot = () => waiting.abort();
    await sleep(ms, AbortSignal.any([waiting.signal, signal]));
    this.#onSnapshot = () => undefined;
    signal.throwIfAborted();
  }

  /** The account's value goes first (R4); its time is the exchange's. */
  async #firstFrom(signal: AbortSignal): Promise<number> {
    const { address, info, intake, now, settings } = this.#options;
    for (let attempt = 0; attempt < ACCOUNT_ATTEMPTS; attempt += 1) {
      try {
        const value = await info.accountValue(address, { priority: PRIORITY.repair, signal });
        intake.pushAccount(value);
        return value.time - settings.firstBehindMs;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof InfoError)) throw error;
      }
    }
    return now() - settings.firstBehindMs;
  }

  async #fetch({ from, snapshot, isStrict, signal }: Fetching): Promise<History> {
    const { address, info, intake, limits, outbox, periods } = this.#options;
    const history = await fetchHistory({
      info, address, limits, lagMs: periods.lagMs, from, known: intake.latest, snapshot, confirm: snapshot === null,
      ask: { priority: PRIORITY.repair, signal },
    });
    if (history.behind !== null && isStrict) throw new InfoError(history.behind.reason, { retryable: true });
    await outbox.room();
    signal.throwIfAborted();
    return history;
  }

  #pushHistory({ behind, gaps, rows }: History): number {
    const { address, intake, onEvent, outbox } = this.#options;
    for (const gap of behind === null ? gaps : [...gaps, behind]) {
      onEvent({ kind: 'gap', address, ...gap });
      outbox.push([{ kind: 'gap', gap: { address, ...gap } }]);
    }
    const records = rows.flatMap(({ data, source }) => intake.fills([data], source));
    return intake.push(records);
  }

  #waitFor(attempt: number): number {
    const { periods, random } = this.#options;
    return jittered(attempt, { leastMs: periods.retryLeastMs, mostMs: periods.retryMostMs, random });
  }

  #track(job: Promise<void>): void {
    const tracked = job.catch((error: unknown) => this.#options.onFailed(error)).finally(() => this.#jobs.delete(tracked));
    this.#jobs.add(tracked);
  }
}

/** Orders that may have ended while nobody listened. */
function oidsOf({ rows }: History): number[] {
  return rows.flatMap(({ data }) => askableOid(data) ?? []);
}
