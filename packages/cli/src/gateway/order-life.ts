// The story of an order as the gateway tells it.

import type { LifeDeadline, LifeEvent, OrderLife } from '@fillstream/client';
import type { Coming } from '../operate/address-fold.ts';
import type { Deadline, Event } from '../operate/events.ts';
import type { Story } from '../operate/story.ts';

/** null: the log speaks of no such order. */
export function lifeOf({ address, oid, about, now, streamTime, events, coming, state }: Story): OrderLife | null {
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
