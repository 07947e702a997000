// What a replay found, for a person and for a program.

import type { Signal } from '@fillstream/schemas';
import { harmless, timeText } from '../output.ts';
import type { Difference, FieldChange, Step } from './compare.ts';
import type { ReplayCounts } from './replay.ts';

export type Outcome = ReplayCounts & {
  readonly merge: 'recorded' | 'timestamp';
  readonly settings: 'same' | 'other';
  /** Milliseconds since the epoch; null for an end of history. */
  readonly from: number | null;
  readonly to: number | null;
  readonly elapsedMs: number;
};

/** Whether the replay gives something else than was emitted; by timestamp another way to the same totals isn't (contract §9). */
export function differs({ merge, otherRevisions, missing, extra, changed, unreadable }: Outcome): boolean {
  return missing + extra + changed + unreadable > 0 || (merge === 'recorded' && otherRevisions > 0);
}

/** A difference as one line of JSON. */
export function differenceJson(difference: Difference, partition: number): string {
  return JSON.stringify({ ...difference, partition });
}

/** The last line of JSON. */
export function outcomeJson(outcome: Outcome): string {
  const elapsedMs = Math.round(outcome.elapsedMs);
  return JSON.stringify({ kind: 'summary', ...outcome, elapsedMs, recordsPerSecond: rateOf(outcome) });
}

/** A difference as some lines. */
export function differenceLines(difference: Difference): string[] {
  switch (difference.kind) {
    case 'changed': return [`changed  ${nameOf(difference)}`, ...fieldLines(difference.fields)];
    case 'missing': return [`missing  ${nameOf(difference)}  ${signalText(difference.signal)}`];
    case 'extra': return [`extra    ${nameOf(difference)}  ${signalText(difference.signal)}`];
    case 'otherRevisions': {
      const { id, emitted, replayed } = difference;
      return [`revised  ${harmless(id)}`, ...stepLines('emitted', emitted), ...stepLines('replayed', replayed)];
    }
    case 'unreadable': return ['unreadable: a record of the topic signals that is no signal'];
  }
}

/** What is counted, how many there are, and what that means. */
export type Row = readonly [name: string, value: number, about: string];

export function countLines(rows: readonly Row[]): string[] {
  return rows.map(([name, value, about]) => `${name.padEnd(11)}${count(value).padStart(13)}  ${about}`);
}

/** The counts as a table. */
export function table(outcome: Outcome): string[] {
  const { merge, settings, from, to, records, warmUpRecords, partitions } = outcome;
  const range = `${from === null ? 'the beginning' : timeText(from)} to ${to === null ? 'the end' : timeText(to)}`;
  const rows: readonly Row[] = [
    ['emitted', outcome.emitted, outcome.repeats === 0 ? 'then' : `then; ${count(outcome.repeats)} repeats left out`],
    ['replayed', outcome.replayed, outcome.quarantined === 0 ? 'now' : `now; ${count(outcome.quarantined)} records refused`],
    ['same', outcome.same, 'byte for byte'],
    ['revised', outcome.otherRevisions, 'ids with the same totals by other revisions or triggers'],
    ['changed', outcome.changed, 'another value in some field'],
    ['missing', outcome.missing, 'emitted, and not replayed'],
    ['extra', outcome.extra, 'replayed, and not emitted'],
    ...(outcome.unreadable === 0 ? [] : [['unreadable', outcome.unreadable, 'no signals'] as const]),
  ];
  return [
    `${range}, ${merge === 'recorded' ? 'in the recorded merge' : 'merged by timestamp'}, ${settings} settings`,
    `${count(records)} records of ${count(partitions)} partitions, ${count(warmUpRecords)} to warm up, ${count(rateOf(outcome))} a second`,
    ...countLines(rows),
  ];
}

function fieldLines(fields: Readonly<Record<string, FieldChange>>): string[] {
  return Object.entries(fields).map(([name, { emitted, replayed }]) => indented(name, `${text(emitted)} → ${text(replayed)}`));
}

function stepLines(side: string, steps: readonly Step[]): string[] {
  return steps.map(({ revision, trigger, fillCount }) => indented(side, `revision ${String(revision)}, ${trigger}, ${String(fillCount)} fills`));
}

function indented(name: string, about: string): string {
  return `         ${name.padEnd(14)} ${about}`;
}

function signalText({ size, symbol, trigger }: Signal): string {
  return `${size} ${harmless(symbol)}, ${trigger}`;
}

function nameOf({ id, revision }: { readonly id: string; readonly revision: number }): string {
  return `${harmless(id)} revision ${String(revision)}`;
}

function text(value: unknown): string {
  return harmless(typeof value === 'string' ? value : JSON.stringify(value));
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

function rateOf({ records, elapsedMs }: Outcome): number {
  return elapsedMs > 0 ? Math.round((records * 1_000) / elapsedMs) : 0;
}
