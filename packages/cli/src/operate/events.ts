// What happened to one order, as events in their order: what a page shows, and what --json prints.

import type { Signal } from '@fillstream/core';
import type { LogRecord } from '@fillstream/runtime';
import type { Coming, Fired, Step, Verdict } from './address-fold.ts';
import type { Emitted } from './history.ts';
import { isObject } from './record-json.ts';
import { whyNot, whySignal, whyTimer } from './why.ts';

/** What a record says of the order, as it came; null where it says nothing that can be read. */
export type Facts =
  | {
      readonly kind: 'fill';
      readonly time: number | null;
      readonly side: string;
      readonly px: string;
      readonly sz: string;
      readonly dir: string;
      readonly tid: number | null;
      readonly startPosition: string;
    }
  | { readonly kind: 'status'; readonly status: string; readonly statusTimestamp: number | null; readonly sz: string; readonly origSz: string }
  | { readonly kind: 'unreadable' };

export type Recorded = { readonly place: string; readonly receivedAt: number | null; readonly source: string | null; readonly facts: Facts };

/** When the order has its next say, and what it will be if nothing more comes. */
export type Deadline = { readonly at: number; readonly what: Fired; readonly trigger: Signal['trigger'] | null };

/** `at` is stream time; `why` a plain sentence. */
export type Event = { readonly at: number; readonly why: string } & (
  | Recorded & { readonly kind: 'record'; readonly verdict: Verdict; readonly deadline: Deadline | null }
  | { readonly kind: 'timer'; readonly deadline: number; readonly what: Fired; readonly asks: boolean; readonly movedBy: string | null; readonly afterEnd: boolean; readonly next: Deadline | null }
  | { readonly kind: 'signal'; readonly signal: Signal; readonly onTopic: OnTopic }
);

export type OnTopic =
  /** There is no topic. */
  | { readonly kind: 'none' }
  | { readonly kind: 'same'; readonly place: string; readonly emittedAt: number | null; readonly times: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'differs'; readonly place: string; readonly emittedAt: number | null; readonly signal: Emitted['signal'] };

export type Watched<R extends LogRecord> = { readonly step: Step<R>; readonly coming: readonly Coming[] };

export type Reading<R extends LogRecord> = { readonly placeOf: (record: R) => string; readonly jsonOf: (record: R) => unknown };

/** The events that a step is: the record or the timer, then what went out. */
export function eventsOf<R extends LogRecord>(watched: readonly Watched<R>[], reading: Reading<R>, emitted: readonly Emitted[] | null): Event[] {
  return watched.flatMap(({ step, coming: [next] }, place): Event[] => {
    const deadline = next === undefined ? null : { at: next.at, what: next.what, trigger: next.signals[0]?.trigger ?? null };
    const first: Event = step.kind === 'record'
      ? { kind: 'record', at: step.at, ...recordedOf(step.record, reading), verdict: step.verdict, why: whyNot(step), deadline }
      : {
          kind: 'timer', at: step.at, deadline: step.deadline, what: step.what, asks: step.asks, why: whyTimer(step), next: deadline, afterEnd: step.afterEnd,
          movedBy: step.movedBy === null ? null : reading.placeOf(step.movedBy),
        };
    const lastChange = watched.slice(0, place).findLast((each) => isChange(each.step))?.step ?? null;
    const signals = step.signals.map((signal): Event => (
      { kind: 'signal', at: step.at, signal, why: whySignal(step, signal, lastChange), onTopic: onTopic(signal, emitted) }
    ));
    return [first, ...signals];
  });
}

/** What a record says, as it came. */
export function recordedOf<R extends LogRecord>(record: R, { placeOf, jsonOf }: Reading<R>): Recorded {
  const json = jsonOf(record);
  const { data, source } = isObject(json) ? json : {};
  return {
    place: placeOf(record), receivedAt: record.input.receivedAt, source: typeof source === 'string' ? source : null,
    facts: isObject(data) ? factsOf(data) : { kind: 'unreadable' },
  };
}

function factsOf(data: Readonly<Record<string, unknown>>): Facts {
  const { order } = data;
  if (isObject(order)) {
    return { kind: 'status', status: text(data['status']), statusTimestamp: number(data['statusTimestamp']), sz: text(order['sz']), origSz: text(order['origSz']) };
  }
  return {
    kind: 'fill', time: number(data['time']), side: text(data['side']), px: text(data['px']), sz: text(data['sz']), dir: text(data['dir']),
    tid: number(data['tid']), startPosition: text(data['startPosition']),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function isChange(step: Step<LogRecord>): boolean {
  return step.kind === 'record' && (step.verdict.kind === 'counted' || step.verdict.kind === 'won');
}

function onTopic(signal: Signal, emitted: readonly Emitted[] | null): OnTopic {
  if (emitted === null) return { kind: 'none' };
  const found = emitted.filter(({ signal: { id, revision } }) => id === signal.id && revision === signal.revision);
  const [first] = found;
  if (first === undefined) return { kind: 'missing' };
  const { place, emittedAt } = first;
  if (JSON.stringify(first.signal) === JSON.stringify(signal)) return { kind: 'same', place, emittedAt, times: found.length };
  return { kind: 'differs', place, emittedAt, signal: first.signal };
}
