// The state in Redis, beside the topics that it was made from.

import type { Progress } from '@fillstream/kafka';
import type { StoredPartition } from '@fillstream/redis';
import { broken, commandOf, ok, warning, type Finding } from './finding.ts';

type Stored = Extract<StoredPartition, { readonly kind: 'stored' }>;

export type Agreed = { readonly partitions: number; readonly settings: string };

/** What the processors agreed on; `facts` is empty before the first. */
export function agreementFindings(facts: Readonly<Record<string, string>>, { partitions, settings }: Agreed, namespace: string): readonly Finding[] {
  const [held, heldSettings] = [facts['partitions'], facts['settings']];
  const check = 'state: partitions';
  const expected = `${String(partitions)}, as the topics have`;
  if (held === undefined) return [ok(check, 'no state yet', expected)];
  const count = held === String(partitions) ? ok(check, held, expected)
    : broken(check, `made with ${held}`, expected, `${commandOf('processor', 'OTHER')}, on topics of that namespace; or the topics with ${held} partitions back`);
  return [count, settingsFinding(heldSettings, settings, namespace)];
}

function settingsFinding(held: string | undefined, given: string, namespace: string): Finding {
  const check = 'state: settings';
  const expected = 'the settings that were given here';
  if (held === undefined || held === given) return ok(check, 'as given', expected);
  const differing = differences(held, given);
  const mend = `${commandOf('processor', namespace)} --set ${differing.map(({ name, held: value }) => `${name}=${value}`).join(' ')}`;
  return broken(check, differing.map(({ name, held: value, given: other }) => `made with ${name}=${value}, here ${other}`).join('; '), expected, mend);
}

function differences(held: string, given: string): readonly { readonly name: string; readonly held: string; readonly given: string }[] {
  const [before, now] = [new Map(Object.entries(objectOf(held))), objectOf(given)];
  return Object.entries(now).flatMap(([name, value]) => (
    before.get(name) === value ? [] : [{ name, held: String(before.get(name)), given: String(value) }]
  ));
}

function objectOf(text: string): object {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? value : {};
}

/** One line when all partitions are well, else one for each that isn't. */
export function stateFindings(stored: readonly StoredPartition[], progress: readonly Progress[], namespace: string): readonly Finding[] {
  if (stored.length === 0) return [];
  const wrong = stored.flatMap((partition) => {
    const held = progress.find((each) => each.partition === partition.partition);
    return held === undefined ? [] : stateFinding(partition, held, namespace);
  });
  if (wrong.length > 0) return wrong;
  const known = stored.filter((each): each is Stored => each.kind === 'stored');
  const owners = new Set(known.map(({ owner }) => owner)).size;
  const orders = known.reduce((sum, each) => sum + each.orders, 0);
  return [ok('state', `${String(known.length)} partitions, ${String(owners)} owners, ${String(orders)} orders on record`, 'of the history that is committed')];
}

function stateFinding(stored: StoredPartition, progress: Progress, namespace: string): readonly Finding[] {
  const check = `state ${String(stored.partition)}`;
  const expected = 'a checkpoint of the history that is committed';
  switch (stored.kind) {
    case 'missing':
      return progress.point === null ? [] : [rebuilt(check, 'it is gone', expected, progress, namespace)];
    case 'other format':
      return [broken(check, `format ${stored.format}`, `format ${stored.expected}`, 'the version of fillstream that made it; or another --namespace')];
    case 'stored':
      return storedFinding(check, stored, expected, progress, namespace);
  }
}

function storedFinding(check: string, stored: Stored, expected: string, progress: Progress, namespace: string): readonly Finding[] {
  if (stored.orders !== stored.listed) {
    return [rebuilt(check, `it counts ${String(stored.orders)} orders and lists ${String(stored.listed)}: some were lost`, expected, progress, namespace)];
  }
  const committed = progress.point?.point;
  if (committed === undefined) return [];
  const isAhead = stored.at.position.offsets.some((offset, place) => offset > (committed.position.offsets[place] ?? 0));
  if (isAhead) return [rebuilt(check, 'it is ahead of what is committed: the topics are others, or older', expected, progress, namespace)];
  const isSame = stored.at.position.offsets.every((offset, place) => offset === committed.position.offsets[place]) && stored.at.position.fired === committed.position.fired;
  return isSame && stored.at.id !== committed.id ? [rebuilt(check, 'it is of another history', expected, progress, namespace)] : [];
}

/** The next take-over mends it from the log, if the log still begins where history does. */
function rebuilt(check: string, why: string, expected: string, { point, bounds }: Progress, namespace: string): Finding {
  const start = point?.start ?? [];
  const isWhole = start.every((offset, place) => (bounds[place]?.low ?? 0) <= offset);
  if (isWhole) return warning(check, `${why}; it is rebuilt from the log`, expected, `${commandOf('processor', namespace)}: it does so when it takes the partition over`);
  const mend = `bring back Redis' data (appendonly file, snapshot); else ${commandOf('topics create', 'OTHER')} and import the journals there`;
  return broken(check, `${why}, and the log no longer begins where its history does: it can't be rebuilt`, expected, mend);
}
