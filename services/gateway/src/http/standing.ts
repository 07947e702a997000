// How the gateway stands: whether it reads on while there is something to read, and what the others tell of themselves.

import type { StatusReport } from '@fillstream/client';
import type { SignalFeed } from '../feed/feed.ts';
import type { GatewayPorts } from '../ports.ts';

/** Whether it is well, and what the answer is made of. */
export type Verdict = { readonly ok: boolean; readonly detail: Readonly<Record<string, unknown>> };

type Told = Awaited<ReturnType<GatewayPorts['status']>>;
type Run = { readonly kind: 'idle' } | { readonly kind: 'following' } | { readonly kind: 'ended' };
type LagSample = { readonly at: number; readonly lag: number | null };

const POLL_MS = 5_000;
const READY_POLL_MS = 50;
/** Of what the others tell: many ask for it, and it is costly. */
const FRESH_MS = 1_000;
/** Records wait, and none has been read for so long: a new start may help. */
const STALLED_MS = 60_000;
const HISTORY_MS = 300_000;
const ENDS = 'the ends of the log are unknown';
const STATUS = 'the status is unknown';

export class Standing {
  readonly #feed: SignalFeed;
  readonly #ports: GatewayPorts;
  readonly #onTrouble: (text: string) => void;
  #run: Run = { kind: 'idle' };
  #timers: readonly NodeJS.Timeout[] = [];
  readonly #waiting = new Set<() => void>();
  #status: { readonly at: number; readonly told: Promise<Told> } | null = null;
  #lags: readonly LagSample[] = [];
  /** By partition, the end of the log when it was last asked for. */
  #ends: readonly number[] = [];
  #movedAt = Date.now();
  #read = 0;
  /** What doesn't work, and has been told. */
  readonly #troubles = new Set<string>();

  constructor(feed: SignalFeed, ports: GatewayPorts, onTrouble: (text: string) => void) {
    this.#feed = feed;
    this.#ports = ports;
    this.#onTrouble = onTrouble;
  }

  /** The feed follows the log from now on, until `end`. */
  begin(): void {
    this.#run = { kind: 'following' };
    this.#movedAt = Date.now();
    const poll = setInterval(() => void this.#poll(), POLL_MS);
    const ready = setInterval(() => this.#tellReady(), READY_POLL_MS);
    for (const timer of [poll, ready]) timer.unref();
    this.#timers = [poll, ready];
    void this.#poll();
  }

  end(): void {
    this.#run = { kind: 'ended' };
    for (const timer of this.#timers) clearInterval(timer);
    this.#wake();
  }

  get isReady(): boolean {
    return this.#feed.isReady && this.#run.kind === 'following';
  }

  /** Waits until the feed has caught up once; false when it hasn't by then. Waits no longer than until `stop`. */
  async whenReady(timeoutMs: number, stop?: AbortSignal): Promise<boolean> {
    if (this.isReady || this.#run.kind === 'ended') return this.isReady;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    stop?.addEventListener('abort', () => resolve(), { once: true });
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
    return this.isReady;
  }

  get health(): Verdict {
    const waiting = this.#waitingRecords;
    const sinceProgressMs = waiting === 0 ? 0 : Date.now() - this.#movedAt;
    return { ok: this.#run.kind !== 'ended' && sinceProgressMs < STALLED_MS, detail: { feed: this.#run.kind, waiting, sinceProgressMs } };
  }

  get readiness(): Verdict {
    return { ok: this.isReady, detail: { feed: this.#run.kind, caughtUp: this.#feed.isReady, next: this.#feed.next } };
  }

  /** Rejects with PortError. */
  async told(): Promise<Told> {
    const now = Date.now();
    if (this.#status === null || now - this.#status.at > FRESH_MS) {
      const told = this.#ports.status();
      this.#status = { at: now, told };
      told.catch(() => (this.#status = null));
    }
    return await this.#status.told;
  }

  /** The feed's, with the lag that was known at each point. */
  history(): StatusReport['history'] {
    let place = 0;
    let lag: number | null = null;
    return this.#feed.history.map((point) => {
      for (let sample = this.#lags[place]; sample !== undefined && sample.at < point.at + 1_000; sample = this.#lags[place]) {
        lag = sample.lag;
        place += 1;
      }
      return { ...point, lag };
    });
  }

  get #waitingRecords(): number {
    const { next } = this.#feed;
    return this.#ends.reduce((sum, end, partition) => sum + Math.max(0, end - (next[partition] ?? 0)), 0);
  }

  async #poll(): Promise<void> {
    await Promise.all([this.#pollEnds(), this.#pollLag()]);
  }

  /** Unanswered, what was known last stands: to ask anew helps, to start anew wouldn't. */
  async #pollEnds(): Promise<void> {
    try {
      this.#ends = (await this.#ports.source.bounds()).map(({ high }) => high);
      const read = this.#feed.next.reduce((sum, next) => sum + next, 0);
      if (read !== this.#read || this.#waitingRecords === 0) this.#movedAt = Date.now();
      this.#read = read;
      this.#troubles.delete(ENDS);
    } catch (error) {
      this.#tellTrouble(ENDS, error);
    }
  }

  async #pollLag(): Promise<void> {
    let lag = null;
    try {
      lag = lagOf((await this.told()).partitions.map((each) => each.lag));
      this.#troubles.delete(STATUS);
    } catch (error) {
      this.#tellTrouble(STATUS, error);
    }
    const now = Date.now();
    this.#lags = [...this.#lags.filter(({ at }) => at > now - HISTORY_MS), { at: now, lag }];
  }

  /** Once until it works again. */
  #tellTrouble(what: string, error: unknown): void {
    if (this.#run.kind === 'ended' || this.#troubles.has(what)) return;
    this.#troubles.add(what);
    this.#onTrouble(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }

  #tellReady(): void {
    if (this.isReady) this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** Of all partitions; null as soon as one's is unknown. */
function lagOf(lags: readonly (number | null)[]): number | null {
  return lags.reduce<number | null>((sum, lag) => (sum === null || lag === null ? null : sum + lag), 0);
}
