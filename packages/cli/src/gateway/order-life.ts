// The story of an order as the gateway tells it.

import type { LifeDeadline, LifeEvent, OrderLife } from '@fillstream/client';
import type { Address, Oid } from '@fillstream/core';
import type { LogRecord } from '@fillstream/runtime';
import type { Coming } from '../operate/address-fold.ts';
import type { Deadline, Event } from '../operate/events.ts';
import type { History } from '../operate/history.ts';
import { storyOf, type Story } from '../operate/story.ts';
import { storedSettings } from '../settings.ts';

/** Folded again out of the log; null: it speaks of no such order. `address` and `oid` have been checked. Throws PortError. */
export async function lifeIn(history: History<LogRecord>, settings: string | null, address: string, oid: number): Promise<OrderLife | null> {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  const order = { address: address as Address, oid: oid as Oid };
  return lifeOf(await storyOf({ ...order, settings: storedSettings(settings), history, remembered: null }));
}

function lifeOf({ address, oid, about, now, streamTime, events, coming, state }: Story): OrderLife | null {
  if (events.length === 0 && state === null) return null;
  return { address, oid, about, now, streamTime, events: events.map(eventOf), coming: coming.map(comingOf) };
}

function comingOf({ at, what, signals }: Coming): LifeDeadline {
  return { at, what, trigger: signals[0]?.trigger ?? null };
}

function eventOf(event: Event): LifeEvent {
  const { at, why } = event;
  switch (event.kind) {
    case 'timer': return { kind: 'timer', at, why, what: event.what, deadline: event.next };
    case 'signal': return { kind: 'signal', at, why, signal: event.signal, deadline: null, place: event.onTopic.kind === 'same' ? event.onTopic.place : null };
    case 'record': return recordOf(event, event.deadline);
  }
}

function recordOf({ at, why, place, facts }: Extract<Event, { readonly kind: 'record' }>, deadline: Deadline | null): LifeEvent {
  switch (facts.kind) {
    case 'fill': return { kind: 'fill', at, why, deadline, place, time: facts.time, side: facts.side, px: facts.px, sz: facts.sz, dir: facts.dir };
    case 'status': return { kind: 'status', at, why, deadline, place, status: facts.status, sz: facts.sz, origSz: facts.origSz };
    case 'unreadable': return { kind: 'unreadable', at, why, deadline, place };
  }
}
