// The oracle: contract in, signals out, in the most obvious way and not in the fastest.
//
// I1  A journal is one partition with one clock: stream time is the greatest receivedAt seen, of refused records too. A partition
//     of several topics has a clock each, and the least of them is stream time.
// I2  There is no queue of timers: the next one is the least (deadline, address, oid) of all orders, looked for anew each time.
//     An order's own timer is worked out anew after each change of the order.
// I3  A refused record has no effect but on stream time and counts.
import { compare, ZERO } from './exact.ts';
import type { Counts, Reason } from './counts.ts';
import { LEG_ORDER, meaningOf, type Meaning } from './legs.ts';
import {
  filledQuantity,
  findSame,
  isConflict,
  isSameStatus,
  lastFillTime,
  timerOf,
  wins,
  type Order,
  type Timer,
  type Trigger,
} from './order.ts';
import { read, type AccountRecord, type FillRecord, type Readable, type UpdateRecord } from './records.ts';
import type { Settings } from './settings.ts';
import { signalOf, type Signal } from './signal.ts';
import { accountOf, findOrder, moveClock, newOrder, newWorld, removeOrder, startHorizon, type Account, type Refusal, type World } from './world.ts';

export type Outcome = {
  readonly signals: readonly Signal[];
  readonly quarantine: readonly Refusal[];
  /** For each of them, which line it was: 0 is the first. */
  readonly refusedAt: readonly number[];
  readonly counts: Counts;
};

/** Applies a journal's lines in their order and lets time run to its end (contract §1). */
export function fold(lines: readonly string[], settings: Partial<Settings> = {}): Outcome {
  const world = newWorld(settings);
  for (const line of lines) applyLine(world, line, 0, 1);
  world.now = Number.POSITIVE_INFINITY;
  fireTimers(world);
  return outcomeOf(world);
}

/** What happens to a partition of several topics: a line of one of them, or clocks that moved while no record was applied. */
export type Step =
  | { readonly kind: 'line'; readonly topic: number; readonly line: string }
  | { readonly kind: 'clocks'; readonly clocks: readonly number[] };

/** Applies lines in the order in which they were merged from `topics` topics (contract §8); time doesn't run on beyond them. */
export function foldMerged(steps: Iterable<Step>, topics: number, settings: Partial<Settings> = {}): Outcome {
  const world = newWorld(settings);
  for (const step of steps) {
    if (step.kind === 'line') {
      applyLine(world, step.line, step.topic, topics);
    } else {
      for (const [topic, time] of step.clocks.entries()) moveClock(world, time, topic, topics);
      fireTimers(world);
    }
  }
  return outcomeOf(world);
}

function outcomeOf({ signals, quarantine, refusedAt, counts }: World): Outcome {
  return { signals, quarantine, refusedAt, counts };
}

function applyLine(world: World, line: string, topic: number, topics: number): void {
  const { record, receivedAt, readable } = read(line);
  if (receivedAt !== undefined) moveClock(world, receivedAt, topic, topics);
  fireTimers(world);
  world.counts.records += 1;
  const reason = readable === undefined ? 'malformed' : applyRecord(world, readable);
  if (reason === null) return;
  world.counts.quarantined[reason] += 1;
  world.quarantine.push({ reason, record });
  world.refusedAt.push(world.counts.records - 1);
}

function applyRecord(world: World, record: Readable): Reason | null {
  countKind(world.counts, record);
  if (record.kind === 'tick') return null;
  if (!/^0x[0-9a-fA-F]{40}$/.test(record.address)) return 'bad-address';
  const address = record.address.toLowerCase();
  switch (record.kind) {
    case 'fill':
      return applyFill(world, address, record);
    case 'noTrade':
      startHorizon(world, address, record.receivedAt);
      world.counts.ignored += 1;
      return null;
    case 'orderUpdate':
      applyUpdate(world, address, record);
      return null;
    case 'account':
      applyAccount(world, address, record);
      return null;
  }
}

function countKind(counts: Counts, record: Readable): void {
  if (record.kind === 'fill' || record.kind === 'noTrade') counts.fills += 1;
  if (record.kind === 'orderUpdate') counts.orderUpdates += 1;
  if (record.kind === 'account') counts.accounts += 1;
  if (record.kind === 'tick') counts.ticks += 1;
}

function applyAccount(world: World, address: string, record: AccountRecord): void {
  const account = startHorizon(world, address, record.receivedAt);
  if (account.snapshot === null || record.time > account.snapshot.time) account.snapshot = record;
}

function applyFill(world: World, address: string, record: FillRecord): Reason | null {
  const meaning = meaningOf(record);
  if (meaning.kind === 'refused') return meaning.reason;
  const account = startHorizon(world, address, record.receivedAt);
  const order = findOrder(world, address, record.oid);
  const earlier = order === undefined ? undefined : findSame(order, record);
  if (earlier !== undefined && isConflict(earlier, record)) return 'conflict';
  const finishedAt = account.finished.get(record.oid);
  if (finishedAt !== undefined && record.time > finishedAt) {
    account.finished.set(record.oid, record.time);
    return 'late';
  }
  if (earlier !== undefined || finishedAt !== undefined) {
    world.counts.duplicates += 1;
  } else if (isUnknown(order) && isStale(account, record.time)) {
    world.counts.stale += 1;
  } else {
    addFill(world, account, order ?? newOrder(world, address, record.oid), record, meaning);
  }
  return null;
}

type TradeMeaning = Extract<Meaning, { kind: 'trade' }>;

function addFill(world: World, account: Account, order: Order, record: FillRecord, meaning: TradeMeaning): void {
  if (order.fills.length === 0) order.accountValue = account.snapshot === null ? null : account.snapshot.accountValue;
  const isLate = meaning.parts.some((part) => order.revisions.has(part.leg));
  if (isLate) world.counts.lateFills += 1;
  const isDropping = world.settings.lateFills === 'drop';
  const parts = meaning.parts.map((part) => {
    const isDropped = isDropping && order.revisions.has(part.leg);
    return { ...part, fate: isDropped ? ('dropped' as const) : ('unreported' as const) };
  });
  order.fills.push({ record, cause: meaning.cause, parts, appliedAt: world.now });
  world.timers.delete(order);
  sendIfComplete(world, order);
}

function applyUpdate(world: World, address: string, update: UpdateRecord): void {
  const { counts } = world;
  if (update.status === 'open' || update.status === 'triggered') {
    counts.ignored += 1;
    return;
  }
  if (!isTerminal(update.status)) {
    counts.unknownStatuses += 1;
    return;
  }
  if (compare(filledQuantity(update), ZERO) === 0 && compare(update.origSz, ZERO) > 0) {
    counts.droppedStatuses += 1;
    return;
  }
  const account = accountOf(world, address);
  const order = findOrder(world, address, update.oid);
  if (account.finished.has(update.oid)) {
    counts.duplicateUpdates += 1;
  } else if (isUnknown(order) && isStale(account, update.statusTimestamp)) {
    counts.staleUpdates += 1;
  } else {
    offerStatus(world, order ?? newOrder(world, address, update.oid), update);
  }
}

function offerStatus(world: World, order: Order, update: UpdateRecord): void {
  if (order.status !== null && isSameStatus(update, order.status.update)) {
    world.counts.duplicateUpdates += 1;
  } else if (order.status !== null && !wins(update, order.status.update)) {
    world.counts.ignored += 1;
  } else {
    order.status = { update, appliedAt: world.now };
    world.timers.delete(order);
    sendIfComplete(world, order);
  }
}

function isTerminal(status: string): boolean {
  if (['filled', 'canceled', 'rejected', 'scheduledCancel'].includes(status)) return true;
  return status.endsWith('Canceled') || status.endsWith('Cancel') || status.endsWith('Rejected');
}

/** No fills on record; the caller has seen that the oid isn't remembered. */
function isUnknown(order: Order | undefined): boolean {
  return order === undefined || order.fills.length === 0;
}

function isStale(account: Account, time: number): boolean {
  return account.horizon !== null && time <= account.horizon;
}

// Timers.

type Due = { readonly order: Order; readonly timer: Timer };

function fireTimers(world: World): void {
  for (let next = nextDue(world); next !== undefined; next = nextDue(world)) fire(world, next.order, next.timer);
}

function nextDue(world: World): Due | undefined {
  let next: Due | undefined;
  for (const order of world.orders) {
    const timer = timerFor(world, order);
    if (timer.at <= world.now && (next === undefined || isEarlier({ order, timer }, next))) next = { order, timer };
  }
  return next;
}

function isEarlier(a: Due, b: Due): boolean {
  return (a.timer.at - b.timer.at || compareTexts(a.order.address, b.order.address) || a.order.oid - b.order.oid) < 0;
}

function timerFor(world: World, order: Order): Timer {
  const known = world.timers.get(order);
  if (known !== undefined) return known;
  const timer = timerOf(order, world.settings);
  world.timers.set(order, timer);
  return timer;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fire(world: World, order: Order, timer: Timer): void {
  switch (timer.kind) {
    case 'signal':
      return send(world, order, timer.trigger);
    case 'finish':
      return finish(world, order);
    case 'expire':
      return expire(world, order);
  }
}

function sendIfComplete(world: World, order: Order): void {
  const timer = timerOf(order, world.settings);
  if (timer.kind === 'signal' && timer.trigger === 'complete') send(world, order, timer.trigger);
}

function send(world: World, order: Order, trigger: Trigger): void {
  const unreported = order.fills.flatMap((fill) => fill.parts).filter((part) => part.fate === 'unreported');
  for (const leg of LEG_ORDER) {
    if (!unreported.some((part) => part.leg === leg)) continue;
    const revision = (order.revisions.get(leg) ?? 0) + 1;
    order.revisions.set(leg, revision);
    world.signals.push(signalOf(order, leg, revision, trigger, world.settings));
    world.counts.signals += 1;
    world.counts.triggers[trigger] += 1;
    if (revision > 1) world.counts.revisions += 1;
  }
  for (const part of unreported) part.fate = 'reported';
  world.timers.delete(order);
}

function finish(world: World, order: Order): void {
  removeOrder(world, order);
  world.counts.finished += 1;
  const account = accountOf(world, order.address);
  account.finished.set(order.oid, lastFillTime(order));
  while (account.finished.size > world.settings.memory) forgetOldest(account);
}

function forgetOldest(account: Account): void {
  const [oldest] = [...account.finished].sort(([oidA, atA], [oidB, atB]) => atA - atB || oidA - oidB);
  if (oldest === undefined) return;
  const [oid, lastFillAt] = oldest;
  account.finished.delete(oid);
  account.horizon = Math.max(account.horizon ?? lastFillAt, lastFillAt);
}

function expire(world: World, order: Order): void {
  removeOrder(world, order);
  if (order.status === null) return;
  const { update } = order.status;
  const missesFills = compare(filledQuantity(update), ZERO) > 0;
  const isShrunk = update.status.startsWith('reduceOnly') || update.reduceOnly;
  if (missesFills && !isShrunk) world.counts.orphaned += 1;
  else world.counts.expiredStatuses += 1;
}
