// One WebSocket connection: what the client asks for, what it is sent, and what goes wrong with it.
//
//   open ──subscribe/unsubscribe/ping──▶ open ──idle | expired | cut | client──▶ closed
//
// W1  A limit is judged before anything is done; a refusal changes nothing.
// W2  A frame that a fault lost is never sent again: what it held is in the history and the ledger alone.
// W3  A connection on which nothing was sent for `idleMs` is closed; so is one whose client doesn't read.

import type { RawData } from 'ws';
import { assertNever } from '../invariant.ts';
import type { Faults, Rule } from './faults.ts';
import type { Subscription } from './frames.ts';
import { ackFrame, errorFrame, GREETING, isChannel, PONG } from './frames.ts';
import type { Hub, Subscriber } from './hub.ts';
import { addressOf, isObject, parsed } from './json.ts';
import type { ExchangeLimits, Gauge, LimitName } from './limits.ts';
import { rubbishOf } from './rubbish.ts';

const SLOW_BYTES_PER_SECOND = 1_000;
const REORDER_MS = 100;

/** A WebSocket's end here, as far as a session has to do with it: of real sockets or of others. */
export type SessionSocket = {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  on(event: 'message', listener: (data: RawData) => void): unknown;
  on(event: 'close' | 'error', listener: () => void): unknown;
  send(data: string | Buffer, options: { readonly binary?: boolean; readonly fin?: boolean }, onSent?: () => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
};

/** What lies beneath it, and goes wrong. */
export type SessionLine = {
  readonly isDead: boolean;
  die(): void;
  /** Infinity makes it quick again. */
  slowDown(bytesPerSecond: number): void;
  cut(how: 'reset' | 'end'): void;
};

export type SessionWorld = {
  readonly gauge: Gauge;
  readonly limits: ExchangeLimits;
  readonly faults: Faults;
  readonly hub: Hub;
  /** the frame that answers a new subscription; null when the channel has none */
  readonly snapshotOf: (subscription: Subscription) => string | null;
  readonly onClose: (session: Session) => void;
  readonly idleMs: number;
  readonly unsentBytes: number;
  /** Infinity never expires */
  readonly lifetimeMs: number;
};

export type ConnectionInfo = { readonly id: number; readonly ip: string; readonly subscriptions: readonly Subscription[] };

export class Session implements Subscriber {
  readonly id: number;
  readonly ip: string;
  readonly #socket: SessionSocket;
  readonly #line: SessionLine;
  readonly #world: SessionWorld;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #idle: NodeJS.Timeout;
  readonly #life: NodeJS.Timeout | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  #heldBack: string | null = null;
  #rubbish = 0;

  constructor(id: number, ip: string, socket: SessionSocket, line: SessionLine, world: SessionWorld) {
    this.id = id;
    this.ip = ip;
    this.#socket = socket;
    this.#line = line;
    this.#world = world;
    this.#idle = setTimeout(() => this.#close('Inactive'), world.idleMs);
    this.#life = world.lifetimeMs === Infinity ? undefined : setTimeout(() => this.#close('Expired'), world.lifetimeMs);
    socket.on('message', (data) => this.#receive(Buffer.isBuffer(data) ? data.toString('utf8') : ''));
    socket.on('close', () => this.#end());
    // A client that breaks the protocol: the library closes the connection itself.
    socket.on('error', () => undefined);
    this.#send(GREETING);
  }

  get info(): ConnectionInfo {
    return { id: this.id, ip: this.ip, subscriptions: [...this.#subscriptions.values()] };
  }

  get addresses(): readonly string[] {
    return [...this.#subscriptions.values()].map(({ user }) => user);
  }

  /** Sends a frame of data of `address`, unless a fault has it. */
  deliver(address: string, frame: string): void {
    const rule = this.#world.faults.take(['connection', 'frame'], {
      ip: this.ip, connection: this.id, addresses: [address], channel: channelOf(frame),
    });
    if (rule === null) this.#sendInOrder(frame);
    else this.#deliverWith(rule, frame);
  }

  /** A fault of the connection strikes now. */
  strike(rule: Rule): void {
    switch (rule.kind) {
      case 'cut':
        this.#line.cut(rule.how === 'end' ? 'end' : 'reset');
        return;
      case 'half-open':
        this.#line.die();
        return;
      case 'slow':
        this.#slowDown(rule);
        return;
      case 'expire':
        this.#close('Expired');
        return;
      case 'repeat-snapshot':
        for (const subscription of this.#subscriptions.values()) this.#sendSnapshot(subscription);
        return;
      case 'rubbish':
        this.#sendRubbish(rule.how);
        return;
      default:
        return;
    }
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #deliverWith(rule: Rule, frame: string): void {
    switch (rule.kind) {
      case 'cut':
      case 'half-open':
      case 'expire':
        this.strike(rule);
        return;
      case 'reorder':
        this.#holdBack(frame, rule.options.forMs ?? REORDER_MS);
        return;
      case 'duplicate':
        this.#sendInOrder(frame);
        this.#send(frame);
        return;
      case 'lose':
        return;
      case 'truncate':
        this.#sendHalf(frame, rule.how);
        return;
      default:
        this.strike(rule);
        this.#sendInOrder(frame);
    }
  }

  #receive(text: string): void {
    if (!this.#world.gauge.message()) {
      this.#send(errorFrame(`Cannot send more than ${this.#world.limits.messagesPerMinute} messages per minute.`));
      return;
    }
    const request = parsed(text);
    const method = isObject(request) ? request['method'] : undefined;
    const subscription = isObject(request) ? subscriptionOf(request['subscription']) : null;
    if (method === 'ping') this.#send(PONG);
    else if (method === 'subscribe' && subscription !== null) this.#subscribe(subscription);
    else if (method === 'unsubscribe' && subscription !== null) this.#unsubscribe(subscription);
    else this.#send(errorFrame(`Error parsing JSON into valid websocket request: ${text}`));
  }

  #subscribe(subscription: Subscription): void {
    const { faults, gauge, hub } = this.#world;
    const key = keyOf(subscription);
    if (this.#subscriptions.has(key)) {
      this.#send(errorFrame(`Already subscribed: ${JSON.stringify(subscription)}`));
      return;
    }
    const rule = faults.take(['subscribe'], { ip: this.ip, connection: this.id, addresses: [subscription.user] });
    if (rule !== null && rule.how !== 'unanswered') {
      this.#refuseWith(rule, subscription);
      return;
    }
    const limit = gauge.subscribe(subscription.user);
    if (limit !== null) {
      this.#send(errorFrame(refusalOf(limit, this.#world.limits)));
      return;
    }
    this.#subscriptions.set(key, subscription);
    hub.add(subscription, this);
    if (rule === null) this.#send(ackFrame('subscribe', subscription));
    const snapshot = this.#world.snapshotOf(subscription);
    if (snapshot !== null) this.deliver(subscription.user, snapshot);
  }

  #refuseWith(rule: Rule, subscription: Subscription): void {
    if (rule.kind === 'error-reply') this.#send(errorFrame(`Invalid subscription ${JSON.stringify(subscription)}`));
    if (rule.kind === 'limit-refusal') this.#send(errorFrame(refusalOf('users', this.#world.limits)));
  }

  #unsubscribe(subscription: Subscription): void {
    if (!this.#subscriptions.delete(keyOf(subscription))) {
      this.#send(errorFrame(`Already unsubscribed: ${JSON.stringify(subscription)}`));
      return;
    }
    this.#world.hub.remove(subscription, this);
    this.#world.gauge.unsubscribe(subscription.user);
    this.#send(ackFrame('unsubscribe', subscription));
  }

  #sendSnapshot(subscription: Subscription): void {
    const frame = subscription.type === 'webData2' ? null : this.#world.snapshotOf(subscription);
    if (frame !== null) this.#send(frame);
  }

  #holdBack(frame: string, forMs: number): void {
    this.#sendHeldBack();
    this.#heldBack = frame;
    this.#later(forMs, () => this.#sendHeldBack());
  }

  #sendInOrder(frame: string): void {
    this.#send(frame);
    this.#sendHeldBack();
  }

  #sendHeldBack(): void {
    const frame = this.#heldBack;
    this.#heldBack = null;
    if (frame !== null) this.#send(frame);
  }

  #sendHalf(frame: string, how: string): void {
    const half = frame.slice(0, Math.ceil(frame.length / 2));
    if (how === 'text') this.#send(half);
    else if (this.#isOpen()) this.#socket.send(half, { fin: false }, () => this.#line.cut('end'));
  }

  #sendRubbish(how: string): void {
    const { data, isBinary } = rubbishOf(how, this.#rubbish);
    this.#rubbish += 1;
    if (!this.#isOpen()) return;
    this.#socket.send(data, { binary: isBinary });
    this.#idle.refresh();
  }

  #slowDown({ options }: Rule): void {
    this.#line.slowDown(options.bytesPerSecond ?? SLOW_BYTES_PER_SECOND);
    if (options.forMs !== undefined) this.#later(options.forMs, () => this.#line.slowDown(Infinity));
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #send(text: string): void {
    if (!this.#isOpen()) return;
    this.#socket.send(text, {});
    this.#idle.refresh();
    if (this.#socket.bufferedAmount > this.#world.unsentBytes) this.#socket.terminate();
  }

  #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && !this.#line.isDead;
  }

  #close(reason: string): void {
    if (this.#line.isDead) this.#socket.terminate();
    else this.#socket.close(1000, reason);
  }

  #end(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#life);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const subscription of this.#subscriptions.values()) {
      this.#world.hub.remove(subscription, this);
      this.#world.gauge.unsubscribe(subscription.user);
    }
    this.#subscriptions.clear();
    this.#world.gauge.disconnect();
    this.#world.onClose(this);
  }
}

function keyOf({ type, user }: Subscription): string {
  return `${type}:${user}`;
}

function subscriptionOf(value: unknown): Subscription | null {
  if (!isObject(value)) return null;
  const { type } = value;
  const user = addressOf(value['user']);
  return user !== null && isChannel(type) ? { type, user } : null;
}

// None of them says which subscription it was.
function refusalOf(limit: LimitName, limits: ExchangeLimits): string {
  switch (limit) {
    case 'users':
      return `Cannot track more than ${limits.users} total users.`;
    case 'subscriptions':
      return `Cannot subscribe to more than ${limits.subscriptions} channels.`;
    case 'connections':
    case 'connectsPerMinute':
    case 'messagesPerMinute':
    case 'weightPerMinute':
      return 'Rate limited.';
    default:
      return assertNever(limit);
  }
}

/** Its first field, as frames are written. */
function channelOf(frame: string): string {
  return /^\{"channel":"(?<channel>\w+)"/.exec(frame)?.groups?.['channel'] ?? '';
}
