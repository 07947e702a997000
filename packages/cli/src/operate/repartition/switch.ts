// The end of a repartition: which signals of the new namespace are news to whoever had those of the old one.
//
// The fold of the copy gives each signal of history once more. They are no news, but for those that the old processors had not
// sent: time may have come further where addresses share a partition that they didn't share before.
//
// W1  Of each new partition the first offset behind history is told: what a subscriber begins with.
// W2  What the fold gave and nobody sent is written behind it again, with the header by which a replay leaves it out.
// W3  Where a subscriber's rule (the highest revision of an id) would drop what is news, the id is named, to be forgotten.
// W4  It is done once: what was found is kept with the progress of the copy, and told again.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Again, CopyProgress, HistorySignals, KafkaOptions, RegistryOptions, StretchRecord } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { InterruptedError } from '../../errors.ts';
import type { Difference } from '../replay/compare.ts';
import { recordsLeft } from './checks.ts';
import { compareSignals, type Compared } from './compare-signals.ts';

export type SwitchOptions = {
  readonly from: KafkaOptions;
  readonly to: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly progress: CopyProgress;
  readonly stop: AbortSignal;
  /** Told of the records that the new processors have to go, whenever it is looked. */
  readonly onLeft: (records: number) => void;
  /** Waited for. */
  readonly onDifference: (difference: Difference) => Promise<void>;
};

export type Found = Compared & { readonly otherRevisions: number; readonly missing: number; readonly extra: number; readonly changed: number; readonly unreadable: number };

export type Switched = {
  readonly progress: CopyProgress;
  /** null when it was found by an earlier run. */
  readonly found: Found | null;
};

type State = Exclude<CopyProgress['state'], { readonly kind: 'copying' }>;

const LOOK_MS = 500;
/** More than that isn't the end of history, but another history: settings, or an input that was lost. */
const GREATEST_AGAIN = 5_000;
/** The header by which a replay marks what it writes; it leaves out what has it. */
const REPLAY_HEADER = 'replay';

/** Of a copy that is closed. Waits for the new processors. Throws PortError and InterruptedError. */
export async function switchOver(options: SwitchOptions): Promise<Switched> {
  const { progress, progress: { state } } = options;
  if (state.kind === 'switched') return { progress, found: null };
  if (state.kind === 'copying') throw new PortError('mismatch', 'the copy isn\'t closed', { retryable: false });
  await processed(options, state.ends);
  const { HistorySignals: Signals } = await import('@fillstream/kafka');
  const [old, now] = [await Signals.connect({ kafka: options.from, registry: options.registry }), await Signals.connect({ kafka: options.to, registry: options.registry })];
  try {
    return await judged(options, state, old, now);
  } finally {
    await old.close();
    await now.close();
  }
}

/** Resolves when all that was copied was processed. */
async function processed({ to, stop, onLeft }: SwitchOptions, ends: State['ends']): Promise<void> {
  for (let left = await recordsLeft(to, ends); left > 0; left = await recordsLeft(to, ends)) {
    onLeft(left);
    await sleep(LOOK_MS);
    if (stop.aborted) throw new InterruptedError('interrupted: all is copied; the same command tells which signals are news');
  }
}

async function judged(options: SwitchOptions, { ends }: State, old: HistorySignals, now: HistorySignals): Promise<Switched> {
  const sent = await Promise.all(Array.from({ length: old.partitions }, async (_, partition) => await old.all(partition)));
  const folded = await Promise.all(Array.from({ length: now.partitions }, async (_, partition) => (
    await now.before(partition, ends.map((topic) => topic[partition] ?? 0))
  )));
  const counts = { otherRevisions: 0, missing: 0, extra: 0, changed: 0, unreadable: 0 };
  const news = new Set<string>();
  const forget: string[] = [];
  const compared = await compareSignals(sent, folded, async (differences) => {
    for (const difference of differences) {
      counts[difference.kind] += 1;
      note(difference, differences, news, forget);
      await options.onDifference(difference);
    }
  });
  const found = { ...compared, ...counts };
  if (found.extra + found.changed > GREATEST_AGAIN) throw anotherHistory(found.extra + found.changed);
  const signals = folded.map(({ next }) => next);
  await writeNews(options.to, signals, news);
  return { progress: await noted(options, { kind: 'switched', ends, signals, again: news.size, forget }), found };
}

/** W2, W3. `others`: what was found together with it, all of the same id among them. */
function note(difference: Difference, others: readonly Difference[], news: Set<string>, forget: string[]): void {
  switch (difference.kind) {
    case 'extra':
      news.add(keyOf(difference));
      break;
    case 'changed':
      if (!hasGrown(difference, others)) break; // Subscribers have as much already.
      news.add(keyOf(difference));
      if (!forget.includes(difference.id)) forget.push(difference.id);
      break;
    case 'otherRevisions': {
      const greatest = (steps: readonly { readonly revision: number }[]): number => Math.max(0, ...steps.map(({ revision }) => revision));
      if (greatest(difference.replayed) < greatest(difference.emitted)) forget.push(difference.id);
      break;
    }
    case 'missing':
    case 'unreadable':
      break;
  }
}

/** Whether the new one has counted more fills, and no later one was sent. */
function hasGrown({ id, revision, fields: { fillCount } }: Extract<Difference, { readonly kind: 'changed' }>, others: readonly Difference[]): boolean {
  const wasOvertaken = others.some((other) => other.kind === 'missing' && other.id === id && other.revision > revision);
  return !wasOvertaken && Number(fillCount?.replayed ?? 0) > Number(fillCount?.emitted ?? 0);
}

function keyOf({ id, revision }: { readonly id: string; readonly revision: number }): string {
  return `${id} ${String(revision)}`;
}

/** W2. `ends`: by partition, where history's signals end. */
async function writeNews(to: KafkaOptions, ends: readonly number[], news: ReadonlySet<string>): Promise<void> {
  if (news.size === 0) return;
  const { StretchReader, writeAgain } = await import('@fillstream/kafka');
  const reader = await StretchReader.open(to, ends.map((end, partition) => ({ topic: 'signals', partition, from: 0, to: end })));
  const again = new Map<string, Again>();
  const replay = randomUUID();
  try {
    for (let record = await reader.nextOfAny(); record !== null; record = await reader.nextOfAny()) {
      const key = nameOf(record);
      if (news.has(key)) again.set(key, { record, headers: { [REPLAY_HEADER]: replay } });
    }
  } finally {
    await reader.close();
  }
  await writeAgain(to, [...again.values()]);
}

function nameOf({ headers: { id, revision } }: StretchRecord): string {
  return `${String(id)} ${String(revision)}`;
}

/** W4. */
async function noted({ to, progress }: SwitchOptions, state: CopyProgress['state']): Promise<CopyProgress> {
  const { RepartitionWriter } = await import('@fillstream/kafka');
  const writer = await RepartitionWriter.open(to);
  try {
    const next = { ...progress, state };
    await writer.commit({ shares: [], progress: next });
    return next;
  } finally {
    await writer.close();
  }
}

function anotherHistory(count: number): PortError {
  const message = `the new processors gave ${count.toLocaleString('en')} signals that the old ones hadn't sent so: have they the same settings (--set, --config)? Nothing was switched`;
  return new PortError('mismatch', message, { retryable: false });
}
