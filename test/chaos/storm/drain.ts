// Whether all has been done that there was to do.

import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from '@fillstream/kafka';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { Site } from './site.ts';

/** What came this long ago is to be committed. */
const STEP_MS = 500;
const ANSWER_MS = 2_000;

export type Backlog = {
  /** Records that were there a moment ago and aren't behind a committed offset. */
  readonly lag: number;
  /** What isn't as it should be, beside that. */
  readonly waiting: readonly string[];
};

/** Resolves with how long it took until nothing waited, in ms; or with what still waits after `patienceMs`. */
export async function drained(site: Site, patienceMs: number): Promise<number | Backlog> {
  const began = performance.now();
  for (;;) {
    const backlog = await backlogOf(site);
    const took = performance.now() - began;
    if (backlog.lag === 0 && backlog.waiting.length === 0) return took;
    if (took > patienceMs) return backlog;
  }
}

export async function backlogOf(site: Site): Promise<Backlog> {
  const ends = await offsetsOf(site.kafka, 'ends');
  await sleep(STEP_MS);
  const [committed, waiting] = await Promise.all([offsetsOf(site.kafka, 'committed'), waitingIn(site)]);
  let lag = 0;
  for (const [place, end] of ends) lag += Math.max(0, end - (committed.get(place) ?? 0));
  return { lag, waiting };
}

/** By topic and partition. */
async function offsetsOf(kafka: KafkaOptions, which: 'ends' | 'committed'): Promise<ReadonlyMap<string, number>> {
  return await withAdmin(connectionOf(kafka), async (admin) => {
    const names = INPUT_TOPICS.map((topic) => nameIn(kafka.namespace, topic));
    const offsets = new Map<string, number>();
    if (which === 'ends') {
      for (const topic of names) {
        const held = await admin.fetchTopicOffsets(topic);
        for (const { partition, high } of held) offsets.set(`${topic}/${partition}`, Number(high));
      }
      return offsets;
    }
    const groupId = nameIn(kafka.namespace, 'processor');
    for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics: names })) {
      for (const { partition, offset } of partitions) offsets.set(`${topic}/${partition}`, Number(offset));
    }
    return offsets;
  });
}

/** Services that aren't ready, addresses that aren't watched, subscribers that aren't live. */
async function waitingIn(site: Site): Promise<string[]> {
  const answers = await Promise.all(Array.from(site.services, async ([name, { url }]) => ({ name, answer: await readyAt(url) })));
  const unready = answers.filter(({ answer }) => answer?.isReady !== true).map(({ name }) => name);
  const watched = answers.flatMap(({ answer }) => answer?.live ?? []);
  const unwatched = site.exchange.addresses.filter((address) => watched.filter((each) => each === address).length !== 1);
  return [...unready, ...unwatched, ...site.subscribers.filter(({ isLive }) => !isLive).map(({ name }) => name)];
}

type Ready = { readonly isReady: boolean; readonly live: readonly string[] };

/** null when it doesn't answer. */
async function readyAt(url: string): Promise<Ready | null> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return { isReady: response.status === 200, live: liveIn(await response.json()) };
  } catch {
    return null;
  }
}

/** Of an ingestor: what it watches. */
function liveIn(body: unknown): string[] {
  if (typeof body !== 'object' || body === null || !('addresses' in body) || !Array.isArray(body.addresses)) return [];
  const addresses: unknown[] = body.addresses;
  return addresses.flatMap((each) => {
    if (typeof each !== 'object' || each === null || !('address' in each) || !('state' in each)) return [];
    return each.state === 'live' ? [String(each.address)] : [];
  });
}
