// Where a partition stands, as it is committed: the offset that all webhooks but some have reached, and beside it, in the
// offset's metadata, where those some are. So a webhook that is slow or down costs the others nothing when a partition moves.
//
//   1 ASOF ID:OFFSET,ID:OFFSET,…
//
// G1  Nothing that a webhook is owed lies before its own offset, or, where it has none, before the common one.
// G2  A webhook made after ASOF wasn't known to who committed: it begins where it was made.

import type { SharedOffset } from '@fillstream/kafka';

/** Of a webhook, for one partition: `from` is the first offset that it was ever owed, null where nobody knows. */
export type Beginning = { readonly id: string; readonly createdAt: number; readonly from: number | null };

export type Standing = {
  /** When the newest webhook was made that was known. Milliseconds since the epoch. */
  readonly asOf: number;
  readonly behind: ReadonlyMap<string, number>;
};

const FORMAT = '1';
/** Kafka takes 4,096 bytes by default. */
const GREATEST_NOTE = 3_500;

/** `positions`: by webhook, the first offset that it is still owed; `next`: where reading is. */
export function progressOf(positions: ReadonlyMap<string, number>, next: number, asOf: number): SharedOffset {
  const behind = [...positions].filter(([, offset]) => offset < next).sort(([, a], [, b]) => a - b);
  const named: string[] = [];
  let room = GREATEST_NOTE;
  for (const [id, offset] of behind) {
    const text = `${id}:${String(offset)}`;
    if (text.length + 1 > room) break;
    room -= text.length + 1;
    named.push(text);
  }
  const [, offset = next] = behind[named.length] ?? []; // G1: the first one that has no place holds the common offset.
  return { offset, note: `${FORMAT} ${String(asOf)} ${named.join(',')}` };
}

/** null: somebody else set the offset, and it is meant for all. */
export function parseNote(note: string): Standing | null {
  const [, asOf, list = ''] = /^1 (\d{1,15}) ((?:[\w-]+:\d{1,15}(?:,[\w-]+:\d{1,15})*)?)$/.exec(note) ?? [];
  if (asOf === undefined) return null;
  const entries = list === '' ? [] : list.split(',').map((entry): [string, number] => {
    const [id = '', offset = ''] = entry.split(':');
    return [id, Number(offset)];
  });
  return { asOf: Number(asOf), behind: new Map(entries) };
}

/**
 * Where reading begins, and each webhook in it. Without a committed offset (`held`) everything that is owed comes again: a group
 * is forgotten after a week without members.
 */
export function startOf(
  held: SharedOffset | null, { low, high }: { readonly low: number; readonly high: number }, webhooks: readonly Beginning[],
): { readonly next: number; readonly reached: ReadonlyMap<string, number> } {
  const standing = held === null ? null : parseNote(held.note);
  const oldest = Math.min(Infinity, ...webhooks.flatMap(({ from }) => from ?? []));
  const next = Math.max(low, held?.offset ?? Math.min(high, oldest));
  const reachedBy = ({ id, createdAt, from }: Beginning): number => {
    const isNew = held === null || (standing !== null && createdAt > standing.asOf);
    const own = isNew ? from ?? next : Math.max(next, from ?? next);
    return Math.max(low, standing?.behind.get(id) ?? own);
  };
  return { next, reached: new Map(webhooks.map((webhook) => [webhook.id, reachedBy(webhook)])) };
}
