// A limit of the exchange: so much in any window of time, never more.
//
// B1  What was granted counts until a window after it was settled. The exchange has counted it before it was settled (it has
//     answered), so what the exchange counts is never more than what is counted here.
//     What nobody answered it may count later.
// B2  Who waits is served by priority, then in order; the first one holds back all others, so none is passed over for ever.
// B3  What isn't urgent leaves a quarter: a repair, which holds live records back, finds room at once.

/** Something granted. `settle` says that the exchange has counted it, and how much it was; only the first call counts. */
export type Grant = { readonly settle: (amount?: number) => void };

/** Nobody answered: the exchange may count it yet, so it counts here for as long again as an answer was waited for. `since`: performance.now(). */
export function settleUnanswered(grant: Grant, since: number): void {
  setTimeout(() => grant.settle(), performance.now() - since).unref();
}

type Waiter = { readonly amount: number; readonly priority: number; readonly serve: (grant: Grant) => void };

export type BudgetOptions = { readonly limit: number; readonly windowMs: number; readonly clock?: () => number };

/** A hundredth longer than the exchange's window: two clocks never run the same. */
const MARGIN = 1.01;
/** Of the limit, for all but the most urgent. */
const SHARE = 0.75;

export class Budget {
  readonly limit: number;
  readonly #windowMs: number;
  readonly #clock: () => number;
  #settled: { readonly at: number; readonly amount: number }[] = [];
  #settledSum = 0;
  #pendingSum = 0;
  #waiters: Waiter[] = [];
  #blockedUntil = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** `clock` gives monotonic milliseconds. */
  constructor({ limit, windowMs, clock = () => performance.now() }: BudgetOptions) {
    if (!(limit >= 1)) throw new RangeError(`expected limit: 1 or more; got ${limit}`);
    this.limit = limit;
    this.#windowMs = windowMs * MARGIN;
    this.#clock = clock;
  }

  /** What counts at this moment. */
  get used(): number {
    this.#prune();
    return this.#settledSum + this.#pendingSum;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Waits until `amount` is free (more than the limit is taken as the limit). Rejects with the signal's reason. Priority 0 is the most urgent. */
  async take(amount: number, { priority = 0, signal }: { readonly priority?: number; readonly signal?: AbortSignal } = {}): Promise<Grant> {
    signal?.throwIfAborted();
    return await new Promise<Grant>((resolve, reject) => {
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(reasonOf(signal));
        this.#serve();
      };
      const serve = (grant: Grant): void => {
        signal?.removeEventListener('abort', abort);
        resolve(grant);
      };
      const waiter = { amount: Math.min(amount, this.limit), priority, serve };
      signal?.addEventListener('abort', abort, { once: true });
      const place = this.#waiters.findIndex((other) => other.priority > priority);
      this.#waiters.splice(place < 0 ? this.#waiters.length : place, 0, waiter);
      this.#serve();
    });
  }

  /** Grants nothing for a while: the exchange said that it counts more than we do. */
  block(ms: number): void {
    this.#blockedUntil = Math.max(this.#blockedUntil, this.#clock() + ms);
  }

  #serve(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#prune();
    for (let [head] = this.#waiters; head !== undefined; [head] = this.#waiters) {
      const now = this.#clock();
      const isBlocked = now < this.#blockedUntil;
      if (isBlocked || !this.#fits(head)) {
        this.#serveLater(isBlocked ? this.#blockedUntil : (this.#settled[0]?.at ?? Infinity) + this.#windowMs);
        return;
      }
      this.#waiters.shift();
      head.serve(this.#grant(head.amount));
    }
  }

  #fits({ amount, priority }: Waiter): boolean {
    const counting = this.#settledSum + this.#pendingSum;
    if (priority === 0 || counting === 0) return counting + amount <= this.limit;
    return counting + amount <= this.limit * SHARE; // B3
  }

  #serveLater(at: number): void {
    if (at !== Infinity) this.#timer = setTimeout(() => this.#serve(), Math.max(1, Math.ceil(at - this.#clock())));
  }

  #grant(granted: number): Grant {
    let isPending = true;
    this.#pendingSum += granted;
    return {
      settle: (amount = granted) => {
        if (!isPending) return;
        isPending = false;
        this.#pendingSum -= granted;
        this.#settledSum += amount;
        this.#settled.push({ at: this.#clock(), amount });
        this.#serve();
      },
    };
  }

  #prune(): void {
    const until = this.#clock() - this.#windowMs;
    const kept = this.#settled.findIndex(({ at }) => at > until);
    const gone = this.#settled.splice(0, kept < 0 ? this.#settled.length : kept);
    for (const { amount } of gone) this.#settledSum -= amount;
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error('aborted');
}
