// The exchange without its sockets: market, limits, sessions and faults, for whoever brings connections and requests to it.
//
// E1  The market goes on whoever listens: what nobody was told is in the histories and the ledger all the same.
// E2  The same seed gives the same market, shifted by its start, and the same frames, however time is moved.
// E3  A fault asked for is never counted as a client's violation.

import { Random } from '../random.ts';
import type { ExchangeLedger } from './exchange-ledger.ts';
import { ExchangeMarket } from './exchange-market.ts';
import type { Fault, FaultKind, FaultOptions } from './faults.ts';
import { Faults } from './faults.ts';
import { Hub } from './hub.ts';
import type { Usage } from './limits.ts';
import { Gauge } from './limits.ts';
import type { FakeExchangeOptions, FakeExchangeSettings } from './options.ts';
import { settingsOf } from './options.ts';
import type { Respond } from './rest.ts';
import { answerInfo } from './rest.ts';
import type { ConnectionInfo, SessionLine, SessionSocket } from './session.ts';
import { Session } from './session.ts';

export type { ExchangeLedger } from './exchange-ledger.ts';
export type { Fault, FaultKind, FaultOptions } from './faults.ts';
export { isFaultKind } from './faults.ts';
export type { FakeExchangeOptions } from './options.ts';
export type { Reply, Respond } from './rest.ts';
export type { SessionLine, SessionSocket } from './session.ts';

/** How a handshake is met: let in and counted until `leave` or the session's end; a status; or no word at all. */
export type Welcome =
  | { readonly kind: 'admitted'; readonly leave: () => void }
  | { readonly kind: 'refused'; readonly status: 429 | 503 }
  | { readonly kind: 'ignored' };

/** Whoever listens is told when nobody may be let near, and when they may again: the fault `refuse-connect`, how `tcp`. */
export type Door = { readonly shut: () => void; readonly open: () => void };

export class Desk {
  readonly settings: FakeExchangeSettings;
  readonly #door: Door;
  readonly #hub = new Hub();
  readonly #market: ExchangeMarket;
  readonly #faults: Faults;
  readonly #gauges = new Map<string, Gauge>();
  readonly #sessions = new Map<number, Session>();
  #accepted = 0;

  /** Throws RangeError for a wrong option. */
  constructor(options: FakeExchangeOptions, door: Door) {
    const settings = settingsOf(options);
    this.settings = settings;
    this.#door = door;
    this.#market = new ExchangeMarket(settings, (parcel, now) => this.#hub.send(parcel, now));
    this.#faults = new Faults(new Random(`${settings.market.seed}/faults`), (rule) => {
      if (rule.how === 'tcp') door.open();
    });
  }

  get addresses(): readonly string[] {
    return this.#market.addresses;
  }

  get ledger(): ExchangeLedger {
    return this.#market.ledger;
  }

  get connections(): readonly ConnectionInfo[] {
    return [...this.#sessions.values()].map((session) => session.info);
  }

  get violations(): readonly Usage[] {
    return [...this.#gauges.values()].map((gauge) => gauge.usage);
  }

  get faults(): readonly Fault[] {
    return this.#faults.standing;
  }

  now(): number {
    this.#market.catchUp();
    return this.#market.now;
  }

  /** When the next frame is due (ms, exchange time); Infinity after a halt. */
  get nextAt(): number {
    return this.#market.nextAt;
  }

  /** Moves on to the clock's time, or by about `most` records; true when it has come there. */
  catchUp(most?: number): boolean {
    return this.#market.catchUp(most);
  }

  advance(ms: number): void {
    this.#market.catchUp();
    this.#market.advance(ms);
  }

  emit(records: number): void {
    this.#market.catchUp();
    this.#market.emit(records);
  }

  halt(): void {
    this.#market.halt();
  }

  fault(kind: FaultKind, options: FaultOptions = {}): Fault {
    const rule = this.#faults.add(kind, options);
    if (rule.how === 'tcp') {
      rule.hit();
      this.#door.shut();
      if (options.forMs !== undefined) setTimeout(() => rule.clear(), options.forMs).unref();
    }
    if (!rule.isImmediate) return rule;
    for (const session of this.#sessions.values()) {
      if (!rule.matches({ ip: session.ip, connection: session.id, addresses: session.addresses })) continue;
      rule.hit();
      session.strike(rule);
    }
    return rule;
  }

  clearFaults(id?: number): void {
    this.#faults.clear(id);
  }

  welcome(ip: string): Welcome {
    const rule = this.#faults.take(['connect'], { ip, addresses: [] });
    if (rule !== null) return rule.how === '503' ? { kind: 'refused', status: 503 } : { kind: 'ignored' };
    const gauge = this.#gaugeOf(ip);
    if (gauge.connect() !== null) return { kind: 'refused', status: 429 };
    return { kind: 'admitted', leave: () => gauge.disconnect() };
  }

  /** Serves whoever was admitted, until its socket closes. */
  open(ip: string, socket: SessionSocket, line: SessionLine): void {
    this.#accepted += 1;
    const id = this.#accepted;
    const { idleMs, unsentBytes, limits, market } = this.settings;
    const session = new Session(id, ip, socket, line, {
      gauge: this.#gaugeOf(ip), limits, faults: this.#faults, hub: this.#hub, idleMs, unsentBytes,
      lifetimeMs: this.#lifetimeOf(new Random(`${market.seed}/connection/${id}`)),
      snapshotOf: (subscription) => this.#market.snapshotOf(subscription),
      onClose: () => this.#sessions.delete(id),
    });
    this.#sessions.set(id, session);
  }

  /** Answers the body of a `POST /info`: now, later or never. Gives what ends a wait for an answer that nobody wants any more. */
  answer(text: string, ip: string, respond: Respond): () => void {
    return answerInfo(text, ip, respond, {
      gauge: this.#gaugeOf(ip),
      faults: this.#faults,
      world: () => {
        this.#market.catchUp();
        return { historyOf: (address) => this.#market.historyOf(address), now: this.#market.now };
      },
    });
  }

  /** Connections that stand. */
  get size(): number {
    return this.#sessions.size;
  }

  terminateAll(): void {
    for (const session of this.#sessions.values()) session.terminate();
  }

  #lifetimeOf(random: Random): number {
    const [least, greatest] = this.settings.lifetimeMs;
    return least === Infinity ? Infinity : least + random.unit() * (greatest - least);
  }

  #gaugeOf(ip: string): Gauge {
    const known = this.#gauges.get(ip);
    if (known !== undefined) return known;
    const made = new Gauge(ip, this.settings.limits, this.settings.minuteMs, () => performance.now());
    this.#gauges.set(ip, made);
    return made;
  }
}
