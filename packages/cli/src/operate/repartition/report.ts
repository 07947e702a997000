// What a repartition has done and what comes next, for a person and for a program.

import type { Copied, CopyProgress, TopicReport } from '@fillstream/kafka';
import { INPUT_TOPICS } from '@fillstream/topics';
import { harmless, timeText } from '../output.ts';
import { count, countLines, type Row } from '../replay/report.ts';
import type { Found, Switched } from './switch.ts';

export type Names = { readonly from: string; readonly to: string };

/** What would be done. */
export function planLines(topics: readonly TopicReport[], progress: CopyProgress | null, left: number): string[] {
  const made = topics.filter((topic) => topic.made);
  return [
    ...made.map(({ name, partitions }) => `would make ${name} (${String(partitions)} partitions)`),
    `would copy ${count(left)} records of ${INPUT_TOPICS.join(', ')} and gaps${progress === null ? '' : `; ${count(progress.records)} are copied`}`,
    'nothing was changed: --yes does it',
  ];
}

/** After a run that didn't close the copy. */
export function copiedLines({ progress, heldBy }: Copied, { from, to }: Names): string[] {
  const held = heldBy === null ? [] : [
    `what is later waits: ${INPUT_TOPICS[heldBy.topic] ?? ''}/${String(heldBy.partition)} ends at ${timeText(heldBy.time)}`,
  ];
  return [
    `${count(progress.records)} records are copied, up to ${progress.latest === null ? 'no time yet' : timeText(progress.latest)}`,
    ...held,
    `next: stop ingestors and processors of ${named(from)}, run this again with --switch, start those of ${to}; again without --switch shortens that pause`,
  ];
}

export function copiedJson({ progress, read, heldBy }: Copied): string {
  const { records, latest, state } = progress;
  return JSON.stringify({ kind: 'copied', state: state.kind, records, read, latest, heldBy: heldBy === null ? null : { ...heldBy, topic: INPUT_TOPICS[heldBy.topic] } });
}

export function switchedLines({ progress: { state }, found }: Switched, { from, to }: Names): string[] {
  if (state.kind !== 'switched') return [];
  const { signals, again, forget } = state;
  return [
    ...(found === null ? [`compared before: this is what was found then`] : tableOf(found)),
    ...signals.map((offset, partition) => `${named(to)} signals/${String(partition)} is news from offset ${String(offset)} on`),
    ...(again === 0 ? [] : [`${count(again)} signals that ${named(from)} hadn't sent are among them, written again`]),
    ...forget.map((id) => `forget the revision of ${harmless(id)}: it goes on from a lower one`),
  ];
}

export function switchedJson({ progress: { state }, found }: Switched): string {
  if (state.kind !== 'switched') return JSON.stringify({ kind: state.kind });
  const { signals, again, forget } = state;
  return JSON.stringify({ kind: 'switched', signals, again, forget, found });
}

function tableOf(found: Found): string[] {
  const rows: readonly Row[] = [
    ['sent', found.sent, 'by the old processors'],
    ['folded', found.folded, 'by the new ones, of the copy'],
    ['same', found.same, 'byte for byte'],
    ['revised', found.otherRevisions, 'ids with the same totals by other revisions or triggers'],
    ['changed', found.changed, 'another value in some field: written again as news where fills were added'],
    ['missing', found.missing, 'sent, and not folded yet: their orders wait for time to run on'],
    ['extra', found.extra, 'folded, and not sent: written again as news'],
    ...(found.unreadable === 0 ? [] : [['unreadable', found.unreadable, 'no signals'] as const]),
  ];
  return countLines(rows);
}

function named(namespace: string): string {
  return namespace === '' ? 'the default namespace' : namespace;
}
