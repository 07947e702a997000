// How far the processors are: the consumer group, and its committed offsets beside what the topics still have.

import type { ClusterFacts, GroupReport, Progress } from '@fillstream/kafka';
import { INPUT_TOPICS } from '@fillstream/topics';
import { broken, commandOf, ok, warning, type Finding } from './finding.ts';
import { duration, plural } from './units.ts';

/** A part of the retention that is left as a warning. */
const SOON = 0.5;

export function progressFindings({ group, progress }: ClusterFacts, namespace: string): readonly Finding[] {
  const held = progress.kind === 'told' ? progress.value : [];
  const found = group.kind === 'refused' ? [unseen('consumer group', group.why)] : [groupFinding(group.value, unread(held), namespace)];
  if (progress.kind === 'refused') return [...found, unseen('committed offsets', progress.why)];
  return [...found, ...offsetFindings(held, namespace)];
}

function unseen(check: string, why: string): Finding {
  return broken(check, why, 'the right to read it', 'kafka-acls.sh --add --operation Read --operation Describe --group GROUP --topic TOPIC, for this login');
}

/** Records after the committed offsets. */
export function unread(progress: readonly Progress[]): number {
  return progress.reduce((sum, { bounds, committed }) => sum + bounds.reduce((each, { low, high }, place) => each + high - Math.max(low, committed[place] ?? low), 0), 0);
}

function groupFinding({ groupId, state, members }: GroupReport, records: number, namespace: string): Finding {
  const [check, expected] = [`group ${groupId}`, 'Stable, with a member'];
  const start = commandOf('processor', namespace);
  switch (state) {
    case 'Stable':
      return ok(check, `Stable, ${plural(members.length, 'member')}`, expected);
    case 'Empty':
    case 'Dead':
      return warning(check, `no processor runs, and ${String(records)} records are unread`, expected, start);
    default:
      return warning(check, `${state}, ${plural(members.length, 'member')}: it is shared out anew just now`, expected, 'wait some seconds; if it stays so, end the process that comes and goes');
  }
}

/** A line for everything that is lost, or one for all. */
function offsetFindings(progress: readonly Progress[], namespace: string): readonly Finding[] {
  if (progress.length === 0) return [];
  const check = 'committed offsets';
  const expected = 'between the beginning and the end of each input topic';
  const lost = progress.flatMap(({ partition, bounds, committed }) => INPUT_TOPICS.flatMap((topic, place) => {
    const [next, range] = [committed[place] ?? null, bounds[place]];
    if (next === null || range === undefined) return [];
    const where = `${topic}/${String(partition)}`;
    if (next < range.low) return [broken(check, `${where}: ${String(range.low - next)} records were deleted unread (committed ${String(next)}, the topic begins at ${String(range.low)})`, expected, afresh(namespace))];
    if (next > range.high) return [broken(check, `${where}: committed ${String(next)}, the topic ends at ${String(range.high)}: it was made anew`, expected, afresh(namespace))];
    return [];
  }));
  return lost.length > 0 ? lost : [ok(check, `${String(unread(progress))} records unread`, expected)];
}

/** What was deleted can't be brought back: another history begins. */
function afresh(namespace: string): string {
  return `retention.ms=-1 from now on; then ${commandOf('topics create', 'OTHER')}, and import there what is kept elsewhere (journals, archives): ${namespace === '' ? 'this namespace' : namespace} can't go on`;
}

/** By input topic, how long its records are kept (ms); null: for good. */
export function retentions({ topics }: ClusterFacts): readonly (number | null)[] {
  return INPUT_TOPICS.map((name) => {
    const settings = topics.find(({ topic }) => topic === name)?.settings;
    const kept = Number(settings?.kind === 'told' ? settings.value['retention.ms'] ?? -1 : -1);
    return kept < 0 ? null : kept;
  });
}

/** The time before which records are deleted soon; null when all are kept for good. */
export function deletedSoon(kept: readonly (number | null)[], now: number): number | null {
  const finite = kept.filter((each) => each !== null);
  return finite.length === 0 ? null : now - SOON * Math.min(...finite);
}

/** `soonAt`: by input topic and partition, the first offset that isn't deleted soon. */
export function retentionFindings(progress: readonly Progress[], kept: readonly (number | null)[], soonAt: readonly ReadonlyMap<number, number>[], namespace: string): readonly Finding[] {
  return INPUT_TOPICS.flatMap((topic, place) => {
    const limit = kept[place] ?? null;
    if (limit === null) return [];
    const check = `retention of ${topic}`;
    const expected = `no unread record that is older than half of it (${duration(SOON * limit)})`;
    const old = progress.flatMap(({ partition, committed, bounds }) => {
      const next = Math.max(committed[place] ?? 0, bounds[place]?.low ?? 0);
      const count = (soonAt[place]?.get(partition) ?? 0) - next;
      return count > 0 ? [`${String(count)} in partition ${String(partition)}`] : [];
    });
    if (old.length === 0) return [ok(check, `records are kept for ${duration(limit)}, no unread one is old`, expected)];
    return [broken(check, `unread records are deleted soon: ${old.join(', ')}`, expected, `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config retention.ms=-1; then ${commandOf('processor', namespace)}`)];
  });
}
