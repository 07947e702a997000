// Why something happened to an order, as plain sentences. What happened is the core's; here are only the words.

import { compare, parseDecimal, type Signal } from '@fillstream/core';
import type { LogRecord } from '@fillstream/runtime';
import type { Coming, OrderView, Step, Verdict } from './address-fold.ts';
import { timeText } from './output.ts';

type RecordStep = Extract<Step<LogRecord>, { readonly kind: 'record' }>;
type TimerStep = Extract<Step<LogRecord>, { readonly kind: 'timer' }>;

/** What a timer that only signals says. */
export const WAIT_OVER = 'the wait is over';
const UNITS = [['day', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1_000]] as const;

/** What became of a record. */
export function whyNot(step: RecordStep): string {
  const { verdict, before, after } = step;
  const isFill = step.record.input.kind === 'fill';
  switch (verdict.kind) {
    case 'counted': return `counted: ${sumText(after)}${verdict.late ? lateText(step) : ''}`;
    case 'won': return wonText(before, after);
    case 'lost': return `without effect: ${statusText(before)} stays, as ${winsText(before?.status?.timestamp, timestampOf(step))}`;
    case 'same': return `a repeat: ${statusText(before)} of that time is on record`;
    case 'duplicate': return 'a repeat: a fill of this identity is counted already';
    case 'finished': return 'a repeat: the order is finished, and remembered';
    case 'stale': return `history, not news: its time isn't after ${verdict.horizon === null ? 'the beginning' : timeText(verdict.horizon)}, where this address's records begin to count`;
    case 'goesOn': return 'no end of the order: it leaves no trace';
    case 'unknownStatus': return 'a status without a meaning here: no effect';
    case 'untouched': return 'an end without a fill: it says nothing about fills';
    case 'noTrade': return 'no trade: dropped';
    case 'refused': return refusedText(verdict, isFill);
  }
}

/** What a timer did. */
export function whyTimer({ what, asks, before, deadline, at }: TimerStep): string {
  const waited = before === null ? '' : `${durationText(deadline - before.changedAt)} after ${before.kind === 'parked' ? 'the status came' : 'the last change'}`;
  const late = at > deadline ? `; time was at ${timeText(at)} by then` : '';
  const asked = asks ? '; what is missing is asked for, where an ingestor watches the address' : '';
  switch (what) {
    case 'asked': return `${waited}, no fill has come: they are asked for, where an ingestor watches the address${late}`;
    case 'orphaned': return `${waited}, no fill has come: the status is dropped, and counted as orphaned${late}`;
    case 'expired': return `${waited}, no fill has come, and none has to: the status is dropped${late}`;
    case 'signalled': return `${WAIT_OVER}${asked}${late}`;
    case 'finished': return `finished ${waited}: from now on only its id and the time of its last fill are remembered${late}`;
  }
}

/** Why a signal went out just then. `lastChange` is the record that changed the order last before it. */
export function whySignal(step: Step<LogRecord>, signal: Signal, lastChange: Step<LogRecord> | null): string {
  const again = signal.revision === 1 ? '' : `; revision ${String(signal.revision)}, as a fill came after revision ${String(signal.revision - 1)}`;
  return `${triggerText(step, signal.trigger, lastChange)}${again}`;
}

function triggerText(step: Step<LogRecord>, trigger: Signal['trigger'], lastChange: Step<LogRecord> | null): string {
  const { before } = step;
  const view = step.kind === 'record' ? step.after : before;
  const after = (from: number): string => durationText((step.kind === 'timer' ? step.deadline : step.at) - from);
  switch (trigger) {
    case 'complete': return completeText(step, view);
    case 'grace': return `went out ${after(before?.changedAt ?? 0)} after ${changeText(lastChange)}, because ${graceText(view)}`;
    case 'quiet': return `went out ${quietText(step, after)}, because no status will tell the end of its fills (TWAP slices, liquidations, deleveraging, settlements)`;
    case 'timeout': return `went out ${after(before?.unreportedSince ?? 0)} after the first fill that no signal had counted, because no status had told the end of the order`;
  }
}

function completeText(step: Step<LogRecord>, view: OrderView | null): string {
  const filled = view?.status?.filled ?? '?';
  return step.kind === 'record' && step.record.input.kind === 'orderUpdate'
    ? `went out at once: ${statusText(view)} says that ${filled} was filled, and the fills sum to just that`
    : `went out at once: with this fill the sum is ${filled}, as ${statusText(view)} says`;
}

function graceText(view: OrderView | null): string {
  const [sum, filled] = [view?.ledger?.sum ?? '0', view?.status?.filled ?? '0'];
  return compare(parseDecimal(sum), parseDecimal(filled)) < 0
    ? `the fills sum to ${sum} of the ${filled} that ${statusText(view)} says were filled`
    : `the fills sum to ${sum}, more than the ${filled} that ${statusText(view)} says were filled`;
}

function quietText(step: Step<LogRecord>, after: (from: number) => string): string {
  const { before } = step;
  if (before === null || step.kind !== 'timer') return 'at once';
  const sinceLast = `${after(before.changedAt)} after its ${before.ledger?.fills === 1 ? 'only' : 'last'} fill`;
  if (unreported(before) === 1) return sinceLast;
  return `${sinceLast}, ${after(before.unreportedSince ?? before.changedAt)} after the first that no signal had counted`;
}

function changeText(step: Step<LogRecord> | null): string {
  if (step?.kind !== 'record') return 'the last change';
  const { input } = step.record;
  if (input.kind === 'orderUpdate') return `the status \`${input.update.status}\` came`;
  return input.kind === 'fill' && input.fill.tid !== 0 ? `the fill with tid ${String(input.fill.tid)} came` : 'the last fill came';
}

function wonText(before: OrderView | null, after: OrderView | null): string {
  const { status } = after ?? {};
  if (status === undefined || status === null) return 'kept';
  const earlier = before?.status?.status;
  const instead = earlier === undefined ? 'kept: it is the only terminal status' : `kept instead of \`${earlier}\`, as ${winsText(status.timestamp, before?.status?.timestamp)}`;
  return (after?.ledger ?? null) === null ? `${instead}; no fill is here, so it is parked` : `${instead}; ${sumText(after)}`;
}

function lateText({ after, signals }: RecordStep): string {
  const isDropped = after?.kind === 'reported' && signals.length === 0;
  return `; a signal of its leg went out before it${isDropped ? ', and no revision follows (lateFills is drop)' : ''}`;
}

/** Why a status of one time wins over one of another. */
function winsText(winner: number | undefined, other: number | undefined): string {
  return winner === other ? 'at the same millisecond `filled` wins, else the first by the alphabet' : 'it is the later one';
}

function timestampOf({ record: { input } }: RecordStep): number | undefined {
  return input.kind === 'orderUpdate' ? input.update.statusTimestamp : undefined;
}

function sumText(view: OrderView | null): string {
  const sum = view?.ledger?.sum;
  if (view === null || sum === undefined) return 'no fill is here';
  return view.status === null ? `the fills sum to ${sum}, and no status has told the end yet` : `the fills sum to ${sum} of ${view.status.filled}`;
}

function refusedText({ reason }: Extract<Verdict, { readonly kind: 'refused' }>, isFill: boolean): string {
  switch (reason) {
    case 'conflict': return 'refused (conflict): a fill of this identity is counted already, with another px, sz or side';
    case 'late': return 'refused (late): the order is finished, and this fill is newer than its last one';
    case 'unknown-dir': return 'refused (unknown-dir): its dir has no meaning here';
    case 'dir-contradiction': return 'refused (dir-contradiction): its dir doesn\'t agree with startPosition, side and sz';
    case 'malformed': case 'bad-address': return `refused (${reason}): \`fillstream quarantine list --reason ${reason}\` has the ${isFill ? 'fill' : 'record'}`;
  }
}

/** What the order waits for now. */
export function waitText(view: OrderView | null, rememberedAt: number | null, wasSeen: boolean): string {
  if (view === null) {
    if (rememberedAt !== null) return 'finished: only its id and the time of its last fill are remembered; repeats are dropped, a newer fill is refused as late';
    return wasSeen ? 'nothing of it is on record' : 'nothing of this order is in the log';
  }
  switch (view.kind) {
    case 'parked': return `${statusText(view)} waits for its first fill`;
    case 'pending': return `${String(unreported(view))} of ${String(view.ledger?.fills ?? 0)} fills are in no signal yet: ${sumText(view)}`;
    case 'reported': return `all fills are in signals: ${sumText(view)}; it stays on record in case more comes`;
  }
}

/** What will happen when nothing more comes. */
export function comingText({ at, what, signals }: Coming): string {
  switch (what) {
    case 'signalled': return `${timeText(at)}  ${signals.map(({ id, revision, trigger }) => `signal ${id.split('/').at(-1) ?? ''}, revision ${String(revision)} (${trigger})`).join(', ')}`;
    case 'asked': return `${timeText(at)}  its fills are asked for`;
    case 'orphaned': case 'expired': return `${timeText(at)}  the status is dropped`;
    case 'finished': return `${timeText(at)}  finished`;
  }
}

function unreported({ ledger }: OrderView): number {
  return Math.max(0, ...(ledger?.legs ?? []).map(({ fills, reported }) => fills - reported));
}

function statusText(view: OrderView | null): string {
  const name = view?.status?.status;
  return name === undefined ? 'the status' : `the status \`${name}\``;
}

/** `5 s`, `2.5 min`, `30 days`. */
export function durationText(ms: number): string {
  for (const [name, unit] of UNITS) {
    if (ms < unit) continue;
    const count = Math.round(ms / unit * 1_000) / 1_000;
    return `${String(count)} ${name}${name === 'day' && count !== 1 ? 's' : ''}`;
  }
  return `${String(ms)} ms`;
}
