// A storm: faults by plan on the whole system under load, then calm, and then the judge.
//
//   plan ──> load ──> faults, in waves ──> calm: all drains ──> the market halts ──> all ends ──> judged
//
// M1  The plan is the seed's. What strikes a target waits until what struck it before is undone, and a broker's until all brokers
//     are whole again: on a slow machine a fault begins later than the plan says, never beside one that it must not meet.
// M2  Within `drainMs` of the last fault's end nothing waits any more, while the market goes on.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, withAdmin } from '@fillstream/kafka';
import { strike } from './deeds.ts';
import { backlogOf, drained, type Backlog } from './drain.ts';
import { fetchFaketime } from './faketime.ts';
import { judged, ledgerProblem, missingOf, signalsOf } from './oracle.ts';
import { planOf, textOf, type Strike } from './plan.ts';
import { PARTITIONS, SETTINGS, Site } from './site.ts';

export type StormOptions = {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: number;
  readonly brokers: 1 | 3;
  readonly ordersPerSecond: number;
  /** How soon after the last fault nothing may wait any more; a busy machine takes its time. Default a minute. */
  readonly drainMs?: number;
  /** Of what happens, a line each. */
  readonly tell: (line: string) => void;
  /** Where logs and data stay; without it they go when it ends well. */
  readonly folder?: string;
};

export type StormResult = {
  readonly findings: readonly string[];
  readonly strikes: readonly Strike[];
  readonly drainedMs: number | null;
  readonly counts: Readonly<Record<string, number>>;
  /** Services that ended by themselves, and were started again. */
  readonly ends: readonly string[];
  /** False: no library for them was to be had. */
  readonly clocks: boolean;
};

type Outcome = Omit<StormResult, 'strikes' | 'clocks'>;

const DRAIN_MS = 60_000;
/** What no promise is about: how long it may take on a busy machine before it is called off. */
const PATIENCE_MS = 300_000;
const POLL_MS = 500;
const TOLD_CHARS = 500;

export async function storm(options: StormOptions): Promise<StormResult> {
  const { seed, tell } = options;
  const faketime = await fetchFaketime();
  if (faketime === null) tell('NO libfaketime is to be had here: no clock goes wrong in this storm');
  const plan = planOf({ ...options, clocks: faketime !== null });
  for (const each of plan) tell(textOf(each));
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'fillstream-storm-'));
  tell(`seed ${String(seed)}, in ${folder}`);
  const site = await Site.open({ ...options, folder, faketime });
  let result: StormResult | null = null;
  try {
    result = { ...await through(site, plan, options), strikes: plan, clocks: faketime !== null };
    return result;
  } finally {
    await site.close();
    if (options.folder === undefined && result?.findings.length === 0) rmSync(folder, { recursive: true, force: true });
  }
}

async function through(site: Site, plan: readonly Strike[], { tell, drainMs = DRAIN_MS }: StormOptions): Promise<Outcome> {
  const before = await drained(site, PATIENCE_MS);
  if (typeof before !== 'number') return foundBy(site, [`it never began: ${backlogText(before)}`]);
  tell(`all work after ${seconds(before)}`);
  await strikeAll(site, plan, tell);
  tell('calm');
  const calm = await drained(site, PATIENCE_MS);
  tell(typeof calm === 'number' ? `drained after ${seconds(calm)}` : `not drained: ${backlogText(calm)}`);
  const late = typeof calm !== 'number' ? [`not drained after ${seconds(PATIENCE_MS)}: ${backlogText(calm)}`]
    : calm > drainMs ? [`drained after ${seconds(calm)} only`] : [];
  site.exchange.halt();
  const unfinished = await finished(site);
  const ends = await ended(site);
  await untilHeard(site);
  const { kafka, exchange, subscribers: heard } = site;
  const { findings, counts } = await judged({ kafka, partitions: PARTITIONS, settings: SETTINGS, exchange, heard });
  return {
    ...foundBy(site, [...late, ...unfinished, ...ends, ...findings]),
    counts: { ...counts, ...passedBy(site) }, drainedMs: typeof calm === 'number' ? calm : null,
  };
}

function foundBy(site: Site, findings: readonly string[]): Outcome {
  const ends = Array.from(site.services.values()).flatMap(({ kept }) => kept.ends);
  return { findings: [...findings, ...site.troubles], drainedMs: null, counts: {}, ends };
}

/** Each at its time; resolves when the last one is undone. */
async function strikeAll(site: Site, plan: readonly Strike[], tell: (line: string) => void): Promise<void> {
  const began = performance.now();
  const before = new Map<string, Promise<void>>();
  const now = (): string => seconds(performance.now() - began);
  const act = async (each: Strike): Promise<void> => {
    const undo = await strike(site, each);
    tell(`${now()}: begun ${textOf(each)}`);
    await sleep(each.forMs);
    await undo();
    if (each.sort === 'broker') await untilWhole(site);
    const { lag, waiting } = await backlogOf(site).catch((): Backlog => ({ lag: -1, waiting: ['no broker answers'] }));
    tell(`${now()}: undone ${String(each.number)}; lag ${String(lag)}, waiting: ${waiting.join(', ')}`);
  };
  await Promise.all(plan.map(async (each) => {
    await sleep(Math.max(0, began + each.atMs - performance.now()));
    const key = each.sort === 'broker' ? each.sort : each.target;
    const done = (before.get(key) ?? Promise.resolve()).then(async () => await act(each)); // M1
    before.set(key, done);
    await done;
  }));
}

/** Every partition of every topic, Kafka's own too, has all its replicas. */
async function untilWhole(site: Site): Promise<void> {
  const replicas = site.servers.kafka.nodes.length;
  const isWhole = async (): Promise<boolean> => await withAdmin(connectionOf(site.kafka), async (admin) => {
    const { topics } = await admin.fetchTopicMetadata();
    return topics.every(({ partitions }) => partitions.every(({ leader, isr }) => leader > 0 && isr.length === replicas));
  }).catch(() => false);
  await until(isWhole);
}

/** The totals of the signals become the ledger's. */
async function finished({ kafka, exchange }: Site): Promise<string[]> {
  const isDone = await until(async () => await ledgerProblem(kafka, exchange) === null);
  return isDone ? [] : [`the totals weren't the ledger's after ${seconds(PATIENCE_MS)}`];
}

/** First what writes inputs, then, when nothing is left, what reads them. Returns what didn't end as asked. */
async function ended(site: Site): Promise<string[]> {
  const problems: string[] = [];
  const stop = async (sort: 'processor' | 'ingestor'): Promise<void> => {
    const outcomes = await Promise.all(site.of(sort).map(async ({ kept }) => await kept.stop()));
    for (const outcome of outcomes) {
      if (outcome === null || outcome.code === 0) continue;
      problems.push(`a ${sort} that was stopped ended by exit ${String(outcome.code)}: ${outcome.stderr.slice(-TOLD_CHARS)}`);
    }
  };
  await stop('ingestor');
  if (!await until(async () => (await backlogOf(site)).lag === 0)) problems.push('records were left when nothing came any more');
  await stop('processor');
  return problems;
}

/** Subscribers have had all that is there, or wait in vain: that is the judge's to say. */
async function untilHeard(site: Site): Promise<void> {
  const signals = await signalsOf(site.kafka);
  await until(async () => await Promise.resolve(site.subscribers.every((subscriber) => missingOf(subscriber, signals) === 0)));
  await sleep(POLL_MS * 2); // What comes too much comes now.
}

async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!await isTrue()) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function passedBy(site: Site): Record<string, number> {
  return {
    "clients' connections lost": site.subscribers.reduce((sum, { losses }) => sum + losses, 0),
    'connections between brokers': Array.from(site.servers.between.values()).reduce((sum, { accepted }) => sum + accepted, 0),
  };
}

function backlogText({ lag, waiting }: Backlog): string {
  return `lag ${String(lag)}, waiting: ${waiting.join(', ')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
