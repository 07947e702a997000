// What the oracle knows of one partition: clocks, orders, addresses, and what has come of them.
import { noCounts, type Counts, type Reason } from './counts.ts';
import type { Order, Timer } from './order.ts';
import type { AccountRecord } from './records.ts';
import { DEFAULTS, type Settings } from './settings.ts';
import type { Signal } from './signal.ts';

export type Refusal = { readonly reason: Reason; readonly record: unknown };

export type Account = {
  horizon: number | null;
  snapshot: AccountRecord | null;
  /** Finished orders: oid → lastFillAt. */
  readonly finished: Map<number, number>;
};
export type World = {
  readonly settings: Settings;
  now: number;
  /** By topic, its greatest receivedAt; empty before the first. */
  clocks: number[];
  readonly orders: Order[];
  /** Of orders that haven't changed since. */
  readonly timers: Map<Order, Timer>;
  readonly accounts: Map<string, Account>;
  readonly signals: Signal[];
  readonly quarantine: Refusal[];
  readonly refusedAt: number[];
  readonly counts: Counts;
};

export function newWorld(settings: Partial<Settings>): World {
  return {
    settings: { ...DEFAULTS, ...settings },
    now: Number.NEGATIVE_INFINITY,
    clocks: [],
    orders: [],
    timers: new Map(),
    accounts: new Map(),
    signals: [],
    quarantine: [],
    refusedAt: [],
    counts: noCounts(),
  };
}

/** The first time that is known sets all clocks: a topic without records holds none back. */
export function moveClock(world: World, time: number, topic: number, topics: number): void {
  if (world.clocks.length === 0) world.clocks = new Array<number>(topics).fill(time);
  world.clocks[topic] = Math.max(world.clocks[topic] ?? time, time);
  world.now = Math.min(...world.clocks);
}

export function findOrder(world: World, address: string, oid: number): Order | undefined {
  return world.orders.find((order) => order.address === address && order.oid === oid);
}

export function newOrder(world: World, address: string, oid: number): Order {
  const order: Order = { address, oid, fills: [], status: null, accountValue: null, revisions: new Map() };
  world.orders.push(order);
  return order;
}

export function removeOrder(world: World, order: Order): void {
  world.orders.splice(world.orders.indexOf(order), 1);
  world.timers.delete(order);
}

export function accountOf(world: World, address: string): Account {
  const known = world.accounts.get(address);
  if (known !== undefined) return known;
  const account: Account = { horizon: null, snapshot: null, finished: new Map() };
  world.accounts.set(address, account);
  return account;
}

/** The address's account, with a horizon from this fill or snapshot on, if it had none (contract §7). */
export function startHorizon(world: World, address: string, receivedAt: number): Account {
  const account = accountOf(world, address);
  if (account.horizon === null) account.horizon = receivedAt - world.settings.startBehindMs;
  return account;
}
