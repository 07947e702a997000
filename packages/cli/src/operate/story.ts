// The life of one order, folded again out of its partition's history, and the orders of one address.
//
// L1  What went out is told twice where it can be: by the fold, and by the topic `signals`; where the two differ, the page says so.
// L2  The state of a store is compared with the fold at the very point of history that the store's checkpoint stands at.

import type { Address, Oid, Order, Settings } from '@fillstream/core';
import { comparePositions, encodeOrder, type LogRecord, type Position } from '@fillstream/runtime';
import { AddressFold, comingOf, viewOf, type Coming, type OrderView, type Step } from './address-fold.ts';
import { eventsOf, recordedOf, type Event, type Recorded, type Watched } from './events.ts';
import type { Emitted, History } from './history.ts';
import { isObject } from './record-json.ts';
import { durationText, waitText } from './why.ts';
import { checkAddress } from '@fillstream/hyperliquid';

/** What a store remembers of the order, at a point of history. */
export type Remembered = { readonly at: Position | null; readonly body: string | null; readonly deadline: number | null; readonly view: OrderView | null };

export type Story = {
  readonly address: Address;
  readonly oid: Oid;
  readonly about: string;
  /** null before the first record. */
  readonly streamTime: number | null;
  readonly events: readonly Event[];
  /** Not applied yet. */
  readonly waiting: readonly Recorded[];
  /** On the topic, and not told by the fold. */
  readonly unexplained: readonly Emitted[];
  readonly state: OrderView | null;
  readonly now: string;
  readonly coming: readonly Coming[];
  readonly store: Compared | null;
};

export type Compared = Remembered & {
  /** null: the log doesn't reach the store's point. */
  readonly same: boolean | null;
  /** What the fold had there. */
  readonly fold: OrderView | null;
};

export type StoryOptions<R extends LogRecord> = {
  readonly address: Address;
  readonly oid: Oid;
  readonly settings: Settings;
  readonly history: History<R>;
  readonly remembered: Remembered | null;
};

/** Throws PortError and JournalError. */
export async function storyOf<R extends LogRecord>({ address, oid, settings, history, remembered }: StoryOptions<R>): Promise<Story> {
  const watched: Watched<R>[] = [];
  const fold = newFold(address, settings, history, (step) => {
    if (step.oid !== oid) return;
    const order = fold.order(oid);
    watched.push({ step, coming: order === null ? [] : comingOf(order, address, settings, fold.now) });
  });
  let compared: Compared | null = remembered === null ? null : { ...remembered, same: null, fold: null };
  const compareAt = (at: Position | null): void => {
    if (remembered === null || remembered.at === null || at === null || comparePositions(at, remembered.at) !== 'same') return;
    compared = comparedWith(remembered, fold.order(oid), settings);
  };
  await foldAll(fold, history, compareAt);
  const waiting = await waitingOf(history, address, oid);
  const emitted = await history.emitted();
  const events = eventsOf(watched, history, emitted);
  const order = fold.order(oid);
  return {
    address, oid, about: history.about, events, waiting,
    streamTime: Number.isFinite(fold.now) ? fold.now : null,
    unexplained: (emitted ?? []).filter(({ signal }) => signal.oid === oid && !events.some((event) => event.kind === 'signal' && event.signal.id === signal.id && event.signal.revision === signal.revision)),
    state: order === null ? null : viewOf(order, settings),
    now: waitText(order === null ? null : viewOf(order, settings), fold.rememberedAt(oid), events.length > 0),
    coming: order === null ? [] : comingOf(order, address, settings, fold.now),
    store: compared,
  };
}

/** One order of an address, in a line. */
export type Listed = {
  readonly oid: Oid;
  readonly kind: OrderView['kind'] | 'finished' | 'gone';
  readonly coin: string | null;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly signals: number;
  readonly state: OrderView | null;
  readonly now: string;
};

/** All orders of an address that the log speaks of, by their first record. Throws PortError and JournalError. */
export async function ordersOf<R extends LogRecord>({ address, settings, history }: Omit<StoryOptions<R>, 'oid' | 'remembered'>): Promise<Listed[]> {
  const seen = new Map<Oid, { firstAt: number; lastAt: number; signals: number; coin: string | null }>();
  const fold = newFold(address, settings, history, ({ oid, at, signals, after }) => {
    const held = seen.get(oid) ?? { firstAt: at, lastAt: at, signals: 0, coin: null };
    seen.set(oid, { ...held, lastAt: at, signals: held.signals + signals.length, coin: after?.ledger?.coin ?? held.coin });
  });
  await foldAll(fold, history, () => undefined);
  return Array.from(seen, ([oid, facts]) => {
    const order = fold.order(oid);
    const state = order === null ? null : viewOf(order, settings);
    const rememberedAt = fold.rememberedAt(oid);
    return { oid, ...facts, state, kind: state?.kind ?? (rememberedAt === null ? 'gone' : 'finished'), now: waitText(state, rememberedAt, true) };
  });
}

function newFold<R extends LogRecord>(address: Address, settings: Settings, history: History<R>, onStep: (step: Step<R>) => void): AddressFold<R> {
  return new AddressFold<R>({
    settings, address, onStep,
    clocks: 1 + Math.max(...history.clocks),
    mentions: (record) => mentioned(history.jsonOf(record), address),
  });
}

async function foldAll<R extends LogRecord>(fold: AddressFold<R>, history: History<R>, onCommit: (at: Position | null) => void): Promise<void> {
  for await (const { records, clocks, to } of history.stretches()) {
    for (const record of records) fold.apply(record, history.clocks[record.topic] ?? 0);
    for (const [clock, time] of clocks.entries()) fold.advance(clock, time, null);
    onCommit(to);
  }
  if (history.ends) fold.runToTheEnd();
}

async function waitingOf<R extends LogRecord>(history: History<R>, address: Address, oid: Oid): Promise<Recorded[]> {
  const waiting: Recorded[] = [];
  for await (const record of history.waiting()) if (mentioned(history.jsonOf(record), address) === oid) waiting.push(recordedOf(record, history));
  return waiting;
}

/** The order that a record's JSON speaks of when it is one of the address, whatever else is wrong with it. */
function mentioned(json: unknown, address: Address): Oid | null {
  if (!isObject(json) || typeof json['address'] !== 'string' || checkAddress(json['address']) !== address || !isObject(json['data'])) return null;
  const { order, oid } = json['data'];
  const value = isObject(order) ? order['oid'] : oid;
  return isOid(value) ? value : null;
}

function isOid(value: unknown): value is Oid {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function comparedWith(remembered: Remembered, order: Order | null, settings: Settings): Compared {
  return { ...remembered, same: (order === null ? null : encodeOrder(order)) === remembered.body, fold: order === null ? null : viewOf(order, settings) };
}

/** `5 s` behind, for the page. */
export function behindText(streamTime: number, at: number): string {
  return durationText(Math.max(0, streamTime - at));
}
