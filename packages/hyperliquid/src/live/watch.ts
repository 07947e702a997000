// One watched address, put together: its way to the sink, its stream, its connection and its upkeep.

import type { Budget } from './budget.ts';
import type { OnEvent } from './events.ts';
import type { Subscription } from './frames.ts';
import type { InfoClient } from './info.ts';
import { Intake } from './intake.ts';
import { Link } from './link.ts';
import { Outbox } from './outbox.ts';
import type { Pool } from './pool.ts';
import type { Progress, Sink } from './ports.ts';
import type { ExchangeLimits, FeedSettings, Periods } from './settings.ts';
import { Stream } from './stream.ts';
import type { Symbols } from './symbols.ts';
import { Upkeep, type Missing } from './upkeep.ts';

/** What all addresses of a feed share. */
export type Shared = {
  readonly url: string;
  readonly sink: Sink;
  readonly info: InfoClient;
  readonly symbols: Symbols;
  readonly pool: Pool;
  readonly messages: Budget;
  readonly limits: ExchangeLimits;
  readonly periods: Periods;
  readonly settings: FeedSettings;
  readonly random: () => number;
  readonly now: () => number;
  readonly onEvent: OnEvent;
  readonly onFailed: (error: unknown) => void;
};

/** `connecting`: no connection; `holding`: connected, and repaired; `live`: all that comes is handed on. */
export type WatchStatus = {
  readonly address: string;
  readonly state: 'connecting' | 'holding' | 'live' | 'waiting';
  /** Records that wait for the repair, and for the sink. */
  readonly held: number;
  readonly queued: number;
  readonly isPaused: boolean;
  readonly progress: Progress | null;
};

export class Watch {
  readonly address: string;
  readonly intake: Intake;
  readonly #shared: Shared;
  readonly #outbox: Outbox;
  readonly #stream: Stream;
  readonly #upkeep: Upkeep;
  readonly #link: Link;
  #isPaused = false;

  /** `progress` is what the sink has of the address. */
  constructor(address: string, progress: Progress | null, shared: Shared) {
    const { onEvent, settings, periods, random } = shared;
    this.address = address;
    this.#shared = shared;
    this.#outbox = new Outbox({
      ...shared, address, progress, queueRecords: settings.queueRecords, attempts: settings.sinkAttempts, progressMs: periods.progressMs,
      retry: { leastMs: periods.retryLeastMs, mostMs: periods.retryMostMs, random },
      onFull: () => this.#pause(), onRoom: () => this.#resume(),
    });
    this.intake = new Intake({
      ...shared, address, progress, outbox: this.#outbox, remembered: settings.rememberedRecords, dropRejections: settings.dropRejections,
    });
    this.#stream = new Stream({
      ...shared, address, intake: this.intake, outbox: this.#outbox,
      replace: (detail) => this.#link.replace('bad-frames', detail),
      onRepaired: (oids) => this.#upkeep.askStatuses(oids),
    });
    this.#upkeep = new Upkeep({ ...shared, address, intake: this.intake, stream: this.#stream, onEvent });
    this.#link = this.#connect();
  }

  get status(): WatchStatus {
    const { held, mode } = this.#stream.state;
    const state = this.#link.isUp ? mode : 'connecting';
    return { address: this.address, state, held, queued: this.#outbox.length, isPaused: this.#isPaused, progress: this.#outbox.progress };
  }

  ask(oid: number, missing: Missing): boolean {
    return this.#upkeep.ask(oid, missing);
  }

  audit(): void {
    this.#upkeep.audit();
  }

  /** Ends the connection; resolves when what was handed on is durable. */
  async close(): Promise<void> {
    const closed = this.#link.close();
    await this.#upkeep.close();
    await this.#stream.close();
    await closed;
  }

  #connect(): Link {
    const { settings } = this.#shared;
    const types = ['userFills', 'orderUpdates', ...(settings.twapSlices ? ['userTwapSliceFills'] as const : [])] as const;
    const subscriptions: readonly Subscription[] = types.map((type) => ({ type, user: this.address }));
    const stream = this.#stream;
    return new Link({
      ...this.#shared, subscriptions,
      handlers: {
        onSubscribing: () => stream.subscribing(),
        onUp: () => stream.up(),
        onFrame: (frame, text) => stream.receive(frame, text),
        onDown: (end, detail, isUp) => stream.down(end, detail, isUp),
      },
    });
  }

  #pause(): void {
    this.#isPaused = true;
    this.#link.pause();
    this.#shared.onEvent({ kind: 'paused', address: this.address });
  }

  #resume(): void {
    this.#isPaused = false;
    this.#link.resume();
    this.#shared.onEvent({ kind: 'resumed', address: this.address });
  }
}
