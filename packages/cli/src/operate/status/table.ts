// A snapshot for a person.

import { duration, plural, time } from '../doctor/units.ts';
import type { PartitionStatus, Snapshot } from './snapshot.ts';

const NONE = '–';
const COLUMNS = ['partition', 'member', 'unread', 'lag', 'stream time', 'behind', 'orders', 'next deadline', 'stage'];

export function statusText(snapshot: Snapshot): string {
  const { at, processors, partitions, ingestors, unknown } = snapshot;
  return [
    time(at),
    `processors  ${processors.group}: ${processors.state}, ${plural(processors.members.length, 'member')}`,
    ...processors.members.map(({ member, host, partitions: held }) => `  ${member}  ${host}  partitions ${held.join(', ') || NONE}`),
    ...aligned([COLUMNS, ...partitions.map(rowOf)]),
    `ingestors   ${ingestors.group}: ${ingestors.state}, ${plural(ingestors.members.length, 'member')}; ${watchText(snapshot)}`,
    ...ingestors.members.map(({ member, host, capacity, addresses, ticks }) => (
      `  ${member}  ${host}  ${String(addresses.length)} of ${text(capacity)} addresses, tells the time to partitions ${ticks.join(', ') || NONE}`
    )),
    ...(snapshot.withoutRoom ?? []).map((address) => `  NOT WATCHED  ${address}`),
    `quarantine  ${quarantineText(snapshot)}`,
    `gaps        ${text(snapshot.gaps)}`,
    ...unknown.map((what) => `unknown     ${what}`),
    '',
  ].join('\n');
}

function rowOf({ partition, member, unread, lagMs, streamTime, behindMs, orders, nextDeadline, stage, replayed }: PartitionStatus): readonly string[] {
  const progress = stage === null || replayed === null ? NONE : `${stage}${stage === 'working' ? '' : `, ${String(replayed)} replayed`}`;
  return [
    String(partition), member ?? NONE, String(unread), lagMs === null ? NONE : duration(lagMs), streamTime === null ? NONE : time(streamTime),
    behindMs === null ? NONE : duration(behindMs), text(orders), nextDeadline === null ? NONE : time(nextDeadline), progress,
  ];
}

function watchText({ watched, withoutRoom }: Snapshot): string {
  return `${text(watched)} addresses watched, ${text(withoutRoom?.length ?? null)} without an ingestor`;
}

function quarantineText({ quarantined }: Snapshot): string {
  if (quarantined === null) return NONE;
  return `${quarantined.isExact ? '' : 'at most '}${plural(quarantined.records, 'record')}`;
}

function text(value: number | null): string {
  return value === null ? NONE : String(value);
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}
