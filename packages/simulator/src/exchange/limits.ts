// What one IP may do, and how much of it a client asked for.
//
// L1  A minute is any minute, not a clock's: a window slides over every request.
// L2  A request beyond a limit is refused, counted as a violation, and uses nothing up.
// L3  `greatest` includes what was refused: it is above the limit exactly when the limit was violated.

/** Per IP. A minute is 60 s divided by the exchange's scale. */
export type ExchangeLimits = {
  readonly connections: number;
  readonly connectsPerMinute: number;
  readonly subscriptions: number;
  /** distinct users over the user channels of all connections */
  readonly users: number;
  /** messages from the client over all connections, pings too */
  readonly messagesPerMinute: number;
  /** of REST requests: 2 for states, 20 for the rest, and 1 for each 20 rows of an answer or part of them */
  readonly weightPerMinute: number;
};

export type LimitName = keyof ExchangeLimits;

export const DEFAULT_LIMITS: ExchangeLimits = {
  connections: 10,
  connectsPerMinute: 30,
  subscriptions: 1_000,
  users: 10,
  messagesPerMinute: 2_000,
  weightPerMinute: 1_200,
};

/** Of one IP: how often each limit was violated, and the most that was asked for. */
export type Usage = {
  readonly ip: string;
  readonly over: Readonly<Record<LimitName, number>>;
  readonly greatest: Readonly<Record<LimitName, number>>;
};

const zeros = (): Record<LimitName, number> =>
  ({ connections: 0, connectsPerMinute: 0, subscriptions: 0, users: 0, messagesPerMinute: 0, weightPerMinute: 0 });

/** The gauge of one IP. `clock` is monotonic milliseconds. */
export class Gauge {
  readonly #ip: string;
  readonly #limits: ExchangeLimits;
  readonly #over = zeros();
  readonly #greatest = zeros();
  readonly #connects: Window;
  readonly #messages: Window;
  readonly #weights: Window;
  /** users, and how many subscriptions each has */
  readonly #users = new Map<string, number>();
  #connections = 0;
  #subscriptions = 0;

  constructor(ip: string, limits: ExchangeLimits, minuteMs: number, clock: () => number) {
    this.#ip = ip;
    this.#limits = limits;
    this.#connects = new Window(minuteMs, clock);
    this.#messages = new Window(minuteMs, clock);
    this.#weights = new Window(minuteMs, clock);
  }

  get usage(): Usage {
    return { ip: this.#ip, over: { ...this.#over }, greatest: { ...this.#greatest } };
  }

  /** The limit that refuses a new connection; null when it is let in. */
  connect(): LimitName | null {
    const open = this.#allows('connections', this.#connections + 1);
    const recent = this.#allows('connectsPerMinute', this.#connects.sum() + 1);
    if (!open) return 'connections';
    if (!recent) return 'connectsPerMinute';
    this.#connections += 1;
    this.#connects.add(1);
    return null;
  }

  disconnect(): void {
    this.#connections -= 1;
  }

  message(): boolean {
    if (!this.#allows('messagesPerMinute', this.#messages.sum() + 1)) return false;
    this.#messages.add(1);
    return true;
  }

  /** The limit that refuses a subscription to a user's channel; null when it is let in. */
  subscribe(user: string): LimitName | null {
    if (!this.#allows('subscriptions', this.#subscriptions + 1)) return 'subscriptions';
    const known = this.#users.get(user) ?? 0;
    if (!this.#allows('users', this.#users.size + (known === 0 ? 1 : 0))) return 'users';
    this.#subscriptions += 1;
    this.#users.set(user, known + 1);
    return null;
  }

  unsubscribe(user: string): void {
    const known = this.#users.get(user) ?? 0;
    this.#subscriptions -= 1;
    if (known <= 1) this.#users.delete(user);
    else this.#users.set(user, known - 1);
  }

  weigh(weight: number): boolean {
    if (!this.#allows('weightPerMinute', this.#weights.sum() + weight)) return false;
    this.#weights.add(weight);
    return true;
  }

  #allows(name: LimitName, amount: number): boolean {
    this.#greatest[name] = Math.max(this.#greatest[name], amount);
    if (amount <= this.#limits[name]) return true;
    this.#over[name] += 1;
    return false;
  }
}

class Window {
  readonly #ms: number;
  readonly #clock: () => number;
  #entries: { readonly at: number; readonly amount: number }[] = [];
  #gone = 0;
  #sum = 0;

  constructor(ms: number, clock: () => number) {
    this.#ms = ms;
    this.#clock = clock;
  }

  add(amount: number): void {
    this.#entries.push({ at: this.#clock(), amount });
    this.#sum += amount;
  }

  sum(): number {
    const from = this.#clock() - this.#ms;
    for (let entry = this.#entries[this.#gone]; entry !== undefined && entry.at <= from; entry = this.#entries[this.#gone]) {
      this.#sum -= entry.amount;
      this.#gone += 1;
    }
    if (this.#gone > 1_000) {
      this.#entries = this.#entries.slice(this.#gone);
      this.#gone = 0;
    }
    return this.#sum;
  }
}
