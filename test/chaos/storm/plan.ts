// Which faults a storm has, and when: made from its seed before it begins, so that the seed repeats it.
//
// P1  Each kind strikes each sort of target, in turn; no two faults of one kind on one sort before every other had one.
// P2  Never two brokers at once, nor two faults on one target; a broker that was struck is left alone for RECOVERY_MS.
// P3  After every few faults it is quiet for a while; a quarter of the time is.

import { randomOf, shuffled, type Random } from '../../oracle/random.ts';

export const SORTS = ['processor', 'broker', 'redis', 'registry', 'ingestor', 'gateway'] as const;
export type Sort = (typeof SORTS)[number];
export const COUNTS: Readonly<Record<Exclude<Sort, 'broker'>, number>> = {
  processor: 3, redis: 1, registry: 1, ingestor: 2, gateway: 1,
};

export type PartitionFrom = 'everything' | 'kafka' | 'redis' | 'exchange' | 'clients' | 'brokers' | 'replica';
/** `hole-up`: what it says isn't heard; `hole-down`: it hears nothing; `resets`: connections end again and again. */
export type PartitionHow = 'cut' | 'hole' | 'hole-up' | 'hole-down' | 'resets';

export type Deed =
  | { readonly kind: 'kill' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'partition'; readonly from: PartitionFrom; readonly how: PartitionHow }
  | { readonly kind: 'slow'; readonly delayMs: number; readonly bytesPerSecond: number }
  | { readonly kind: 'clock'; readonly byMs: number }
  | { readonly kind: 'hold'; readonly api: 'EndTxn' | 'AddOffsetsToTxn' | 'Produce'; readonly side: 'request' | 'answer' }
  | { readonly kind: 'failover'; readonly isSplit: boolean };
export type Kind = Deed['kind'];
export const KINDS = ['kill', 'stop', 'partition', 'slow', 'clock', 'hold', 'failover'] as const satisfies readonly Kind[];

export type Strike = {
  /** From 1 on. */
  readonly number: number;
  /** From the storm's beginning. */
  readonly atMs: number;
  readonly forMs: number;
  readonly sort: Sort;
  /** Such as `broker-2`. */
  readonly target: string;
  readonly deed: Deed;
};

export type PlanOptions = {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: number;
  readonly brokers: 1 | 3;
  /** False where no library for them is to be had. */
  readonly clocks: boolean;
};

const RECOVERY_MS = 10_000;
const FAULTS_A_WAVE = 10;
const QUIET_SHARE = 0.25;
const LONGEST_MS: Readonly<Record<Kind, number>> = {
  kill: 8_000, stop: 25_000, partition: 30_000, slow: 25_000, clock: 25_000, hold: 40_000, failover: 8_000,
};
const SHORTEST_MS = 500;
/** None lasts for more than this share of the storm. */
const LONGEST_SHARE = 1 / 6;
/** Inputs are refused from a minute ahead on, so an ingestor and a broker may differ by less; nobody else's clock matters. */
const GREATEST_CLOCK_MS: Readonly<Partial<Record<Sort, number>>> = {
  processor: 86_400_000, ingestor: 20_000, gateway: 86_400_000,
};
const FROM: Readonly<Record<Sort, readonly [PartitionFrom, ...PartitionFrom[]]>> = {
  processor: ['everything', 'kafka', 'redis'],
  broker: ['everything', 'clients', 'brokers'],
  redis: ['everything', 'clients', 'replica'],
  registry: ['clients'],
  ingestor: ['everything', 'kafka', 'exchange'],
  gateway: ['everything', 'kafka', 'clients'],
};
type Held = Omit<Extract<Deed, { readonly kind: 'hold' }>, 'kind'>;
const HOLDS: Readonly<Record<'processor' | 'ingestor', readonly [Held, ...Held[]]>> = {
  processor: [
    { api: 'EndTxn', side: 'answer' }, { api: 'EndTxn', side: 'request' },
    { api: 'AddOffsetsToTxn', side: 'answer' }, { api: 'Produce', side: 'answer' },
  ],
  ingestor: [{ api: 'Produce', side: 'answer' }, { api: 'Produce', side: 'request' }],
};

export function planOf(options: PlanOptions): Strike[] {
  const { seed, minutes, faults } = options;
  const random = randomOf(seed);
  const wholeMs = minutes * 60_000;
  const spacingMs = wholeMs * (1 - QUIET_SHARE) / faults;
  const quietMs = wholeMs * QUIET_SHARE / Math.ceil(faults / FAULTS_A_WAVE);
  const busyUntil = new Map<string, number>();
  const next = cellsOf(random, options);
  const strikes: Strike[] = [];
  for (let atMs = spacingMs * random.unit(); strikes.length < faults; atMs += spacingMs * (0.5 + random.unit())) {
    const { kind, sort } = next();
    const target = random.pick(targetsOf(sort, options.brokers));
    const key = sort === 'broker' ? 'broker' : target; // P2
    atMs = Math.max(atMs, busyUntil.get(key) ?? 0);
    const forMs = durationOf(random, kind, wholeMs);
    strikes.push({ number: strikes.length + 1, atMs: Math.round(atMs), forMs, sort, target, deed: deedOf(random, kind, sort) });
    busyUntil.set(key, atMs + forMs + (sort === 'broker' ? RECOVERY_MS : 0));
    if (strikes.length % FAULTS_A_WAVE === 0) atMs = Math.max(atMs, ...strikes.map(endOf)) + quietMs; // P3
  }
  return strikes;
}

export function endOf({ atMs, forMs }: Strike): number {
  return atMs + forMs;
}

/** A line for people. */
export function textOf({ number, atMs, forMs, target, deed }: Strike): string {
  const { kind, ...details } = deed;
  const told = Object.entries(details).map(([name, value]) => `${name} ${String(value)}`).join(', ');
  const when = `at ${(atMs / 1_000).toFixed(1)} s for ${(forMs / 1_000).toFixed(1)} s`;
  return `${String(number)}. ${when}: ${kind} ${target}${told === '' ? '' : ` (${told})`}`;
}

type Cell = { readonly kind: Kind; readonly sort: Sort };

/** P1: the kinds take turns, and within a kind the sorts do. */
function cellsOf(random: Random, { clocks }: PlanOptions): () => Cell {
  const kinds = shuffled(random, KINDS.filter((kind) => clocks || kind !== 'clock'));
  const sorts = new Map(kinds.map((kind) => [kind, shuffled(random, sortsOf(kind))]));
  const turns = new Map<Kind, number>();
  let turn = 0;
  return () => {
    const kind = kinds[turn % kinds.length] ?? 'kill';
    turn += 1;
    const own = turns.get(kind) ?? 0;
    turns.set(kind, own + 1);
    const list = sorts.get(kind) ?? SORTS;
    return { kind, sort: list[own % list.length] ?? 'processor' };
  };
}

function sortsOf(kind: Kind): readonly Sort[] {
  if (kind === 'hold') return ['processor', 'processor', 'ingestor'];
  // Servers have the machine's clock: under libfaketime none of them starts, or not soon.
  if (kind === 'clock') return ['processor', 'ingestor', 'gateway'];
  return kind === 'failover' ? ['redis'] : SORTS;
}

function targetsOf(sort: Sort, brokers: number): [string, ...string[]] {
  const count = sort === 'broker' ? brokers : COUNTS[sort];
  return [`${sort}-1`, ...Array.from({ length: count - 1 }, (_, index) => `${sort}-${String(index + 2)}`)];
}

function durationOf(random: Random, kind: Kind, wholeMs: number): number {
  return random.between(SHORTEST_MS, Math.max(SHORTEST_MS, Math.min(LONGEST_MS[kind], Math.round(wholeMs * LONGEST_SHARE))));
}

function deedOf(random: Random, kind: Kind, sort: Sort): Deed {
  switch (kind) {
    case 'kill':
    case 'stop':
      return { kind };
    case 'partition':
      return { kind, from: random.pick(FROM[sort]), how: random.pick(['cut', 'hole', 'hole-up', 'hole-down', 'resets']) };
    case 'slow':
      return { kind, delayMs: random.between(20, 600), bytesPerSecond: random.pick([16_384, 65_536, 1_048_576]) };
    case 'clock': {
      const sign = random.chance(0.5) ? 1 : -1;
      return { kind, byMs: Math.round(sign * (GREATEST_CLOCK_MS[sort] ?? 0) * (0.1 + 0.9 * random.unit())) };
    }
    case 'hold':
      return { kind, ...(sort === 'ingestor' ? random.pick(HOLDS.ingestor) : random.pick(HOLDS.processor)) };
    case 'failover':
      return { kind, isSplit: random.chance(0.5) };
  }
}
