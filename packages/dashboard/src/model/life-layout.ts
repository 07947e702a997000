// Where everything of an order's life is drawn: lanes from top to bottom, stream time from left to right.
//
// Y1  Every event stands at its stream time on the one scale, and is in exactly one mark.
// Y2  A wait reaches from the event that began it to whatever came first: its deadline, or an event that gave another one.

import { decimal, type LifeDeadline, type LifeEvent, type OrderLife } from '@fillstream/client';
import { burstsOf, timeScale, type Gap } from './time-scale.ts';

export type Lane = 'fill' | 'status' | 'timer' | 'signal';
export const LANES: readonly Lane[] = ['fill', 'status', 'timer', 'signal'];

/** `places`: of its events in the list of all. */
export type Mark = {
  readonly lane: Lane;
  readonly x: number;
  readonly events: readonly LifeEvent[];
  readonly places: readonly number[];
};
/** `end`: the deadline came, something else came first, or it's still to come. */
export type Wait = {
  readonly x0: number;
  readonly x1: number;
  readonly what: string;
  readonly deadline: LifeDeadline;
  readonly end: 'fired' | 'replaced' | 'coming';
};
/** Of the filled quantity, 0 to 1. */
export type Step = { readonly x: number; readonly share: number };

export type LifeLayout = {
  readonly marks: readonly Mark[];
  readonly waits: readonly Wait[];
  readonly cuts: readonly Gap[];
  readonly steps: readonly Step[];
  readonly ticks: readonly { readonly at: number; readonly x: number }[];
  /** Where the stream's time stands; null when nothing is to come. */
  readonly nowX: number | null;
};

/** Marks nearer than this, in pixels, are one. */
const REACH_PX = 17;

/** `width` in pixels, within which all of it is. */
export function layoutOf({ events, coming, streamTime }: OrderLife, width: number): LifeLayout {
  const showsNow = coming.length > 0 && streamTime !== null;
  const times = [...events.map(({ at }) => at), ...coming.map(({ at }) => at), ...(showsNow ? [streamTime] : [])];
  const { xOf, cuts } = timeScale(times, width);
  const numbered = events.map((event, place) => ({ event, place }));
  const marks = LANES.flatMap((lane) => {
    const bursts = burstsOf(
      numbered.filter(({ event }) => laneOf(event) === lane),
      ({ event }) => xOf(event.at),
      REACH_PX,
    );
    return bursts.map(({ x, items }) => ({
      lane,
      x,
      events: items.map(({ event }) => event),
      places: items.map(({ place }) => place),
    }));
  });
  return {
    marks,
    cuts,
    waits: waitsOf(events, coming, xOf),
    steps: stepsOf(events, xOf),
    ticks: [...new Set(times)].sort((a, b) => a - b).map((at) => ({ at, x: xOf(at) })),
    nowX: showsNow ? xOf(streamTime) : null,
  };
}

function laneOf({ kind }: LifeEvent): Lane {
  return kind === 'unreadable' ? 'status' : kind;
}

function waitsOf(events: readonly LifeEvent[], coming: readonly LifeDeadline[], xOf: (time: number) => number): readonly Wait[] {
  const waits: Wait[] = [];
  let open: { readonly from: number; readonly deadline: LifeDeadline } | null = null;
  const end = (at: number): void => {
    if (open === null) return;
    const { from, deadline } = open;
    // Time may have moved past a deadline before anything could happen at it.
    if (at > from)
      waits.push({ x0: xOf(from), x1: xOf(at), what: deadline.what, deadline, end: deadline.at <= at ? 'fired' : 'replaced' });
    open = null;
  };
  for (const { at, deadline, kind } of events) {
    if (kind === 'signal' || kind === 'unreadable' || isSame(deadline, open)) continue; // Those two change no deadline.
    end(at);
    if (deadline !== null) open = { from: at, deadline };
  }
  const last = events.at(-1)?.at ?? 0;
  for (const deadline of coming)
    waits.push({
      x0: xOf(isSame(deadline, open) ? (open?.from ?? last) : last),
      x1: xOf(deadline.at),
      what: deadline.what,
      deadline,
      end: 'coming',
    });
  return waits;
}

function isSame(deadline: LifeDeadline | null, open: { readonly deadline: LifeDeadline } | null): boolean {
  return deadline !== null && open !== null && deadline.at === open.deadline.at && deadline.what === open.deadline.what;
}

function stepsOf(events: readonly LifeEvent[], xOf: (time: number) => number): readonly Step[] {
  const fills = events.flatMap((event) => (event.kind === 'fill' ? [event] : []));
  const sizes = events.flatMap((event) => (event.kind === 'status' ? [event.origSz] : []));
  const filled = fills.reduce((sum, { sz }) => decimal.add(sum, sz), '0');
  const whole = sizes.reduce((most, size) => (decimal.compare(size, most) > 0 ? size : most), filled);
  if (Number(whole) === 0) return [];
  let sum = '0';
  return fills.map(({ at, sz }) => {
    sum = decimal.add(sum, sz);
    return { x: xOf(at), share: Math.min(1, Number(sum) / Number(whole)) }; // To be drawn: a float will do.
  });
}
