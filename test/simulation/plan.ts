// What a run will be, made from its seed before it begins: its size, its weather, its faults.
//
// N1  Faults are a list, so that some can be left out; what is left is the same.

import type { LoopLimits } from '@fillstream/runtime';
import { randomOf, type Random } from '../oracle/random.ts';
import type { Weather } from './simulation.ts';
import { LOSABLE } from './store.ts';

/** The calls of a processor, in the order of a take-over and a turn of the loop. */
export const CALLS = [
  'join', 'heartbeat', 'store claim', 'fence', 'offsets', 'last commit', 'ends', 'store read', 'store reset', 'replay',
  'fetch', 'store prefetch', 'send signals', 'send commits', 'send-offsets', 'end', 'store checkpoint',
] as const;
/** Those at which it matters most who knows what. */
const TURNING_POINTS = ['fence', 'offsets', 'send commits', 'send-offsets', 'end', 'end', 'end', 'store checkpoint', 'store checkpoint', 'store claim', 'store reset'] as const;

type Call = (typeof CALLS)[number];
export const POISONS = ['no value', 'no bytes', 'no body', 'half a body'] as const;

/** `at` is milliseconds since the start; `target` a processor, wherever its loops are by then. */
export type Fault =
  | { readonly at: number; readonly kind: 'crash'; readonly target: number }
  | { readonly at: number; readonly kind: 'crash at a call'; readonly target: number; readonly call: Call; readonly isAfter: boolean }
  | { readonly at: number; readonly kind: 'freeze'; readonly target: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'freeze at a call'; readonly target: number; readonly call: Call; readonly isAfter: boolean; readonly ms: number }
  | { readonly at: number; readonly kind: 'lost call'; readonly target: number; readonly call: Call; readonly how: 'request lost' | 'reply lost' }
  | { readonly at: number; readonly kind: 'late call'; readonly target: number; readonly call: Call; readonly ms: number }
  | { readonly at: number; readonly kind: 'slow process'; readonly target: number; readonly factor: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'cut off'; readonly target: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'clock jump'; readonly target: number; readonly byMs: number }
  | { readonly at: number; readonly kind: 'rebalance' }
  | { readonly at: number; readonly kind: 'slow everything'; readonly factor: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'store wiped' }
  | { readonly at: number; readonly kind: 'store lost a key'; readonly partition: number; readonly what: (typeof LOSABLE)[number] }
  | { readonly at: number; readonly kind: 'store rolled back' }
  | { readonly at: number; readonly kind: 'store failed over' }
  | { readonly at: number; readonly kind: 'store refuses'; readonly ms: number }
  | { readonly at: number; readonly kind: 'store slow'; readonly ms: number }
  | { readonly at: number; readonly kind: 'transaction timed out'; readonly partition: number }
  | { readonly at: number; readonly kind: 'offsets forgotten'; readonly partition: number }
  | { readonly at: number; readonly kind: 'importer crash'; readonly ms: number }
  | { readonly at: number; readonly kind: 'duplicate' }
  | { readonly at: number; readonly kind: 'delay'; readonly topic: number; readonly partition: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'gap'; readonly topic: number; readonly partition: number; readonly count: number }
  | { readonly at: number; readonly kind: 'aborted input'; readonly topic: number; readonly partition: number; readonly ms: number }
  | { readonly at: number; readonly kind: 'poison'; readonly topic: number; readonly partition: number; readonly how: (typeof POISONS)[number] };

export type FaultKind = Fault['kind'];
export const FAULT_KINDS: readonly FaultKind[] = [
  'crash', 'crash at a call', 'freeze', 'freeze at a call', 'lost call', 'late call', 'slow process', 'cut off', 'clock jump', 'rebalance',
  'slow everything', 'store wiped', 'store lost a key', 'store rolled back', 'store failed over', 'store refuses', 'store slow',
  'transaction timed out', 'offsets forgotten', 'importer crash', 'duplicate', 'delay', 'gap', 'aborted input', 'poison',
];

export type JournalPlan = {
  readonly kind: 'journal';
  readonly seed: number;
  readonly partitions: number;
  readonly processors: number;
  readonly weather: Weather;
  readonly limits: Partial<LoopLimits>;
  /** How long an order lives in the store. */
  readonly marginMs: number;
  readonly bursts: readonly { readonly at: number; readonly count: number }[];
  /** How long faults strike. */
  readonly safetyMs: number;
  readonly faults: readonly Fault[];
};

const GREATEST_FAULTS = 14;

export function journalPlan(seed: number, events: number): JournalPlan {
  const random = randomOf(Math.imul(seed, 0x2545f491) ^ 0x5eed);
  const partitions = random.pick([1, 1, 2, 3, 4]);
  const processors = random.pick([1, 2, 2, 3]);
  const safetyMs = random.between(8_000, 25_000);
  const count = random.between(0, GREATEST_FAULTS);
  const faults = Array.from({ length: count }, () => faultOf(random, { partitions, processors, safetyMs }));
  return {
    kind: 'journal', seed, partitions, processors, safetyMs,
    weather: { travelMs: random.pick([0.5, 1, 2, 8]), trouble: random.pick([0, 0, 0.001, 0.005]), slowMarkers: random.pick([0, 0.005, 0.03]) },
    limits: limitsOf(random),
    marginMs: random.pick([Infinity, Infinity, Infinity, Infinity, Infinity, 5_000, 500]),
    bursts: burstsOf(random, events, safetyMs * 0.8),
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

function limitsOf(random: Random): Partial<LoopLimits> {
  const checkpointRecords = random.pick([1, 20, 100, 500]);
  return {
    batchRecords: random.pick([3, 12, 60, 500]),
    batchTimers: random.pick([1, 3, 100, 2_000]),
    checkpointRecords,
    checkpointMs: random.pick([0, 0, 200, 3_000]),
    unsavedRecords: checkpointRecords * random.pick([2, 4, 20]),
    auditMs: random.pick([Infinity, 1_000, 5_000]),
    ordersInMemory: random.pick([1, 10, 100, 250_000]),
  };
}

/** Now a trickle, now a flood; a backlog at the start in some. */
function burstsOf(random: Random, events: number, withinMs: number): { at: number; count: number }[] {
  const bursts: { at: number; count: number }[] = [];
  let left = events;
  if (random.chance(0.3)) {
    bursts.push({ at: 0, count: random.between(1, left) });
    left -= bursts[0]?.count ?? 0;
  }
  const mean = random.pick([8, 25, 60]);
  while (left > 0) {
    const count = Math.min(left, random.between(1, 2 * mean));
    bursts.push({ at: random.unit() * withinMs, count });
    left -= count;
  }
  return bursts.sort((a, b) => a.at - b.at);
}

type Sizes = { readonly partitions: number; readonly processors: number; readonly safetyMs: number };

function faultOf(random: Random, { partitions, processors, safetyMs }: Sizes): Fault {
  const at = Math.floor(random.unit() * safetyMs);
  const target = random.between(0, processors - 1);
  const partition = random.between(0, partitions - 1);
  const topic = random.between(0, 1);
  const call = random.chance(0.7) ? random.pick<Call>(TURNING_POINTS) : random.pick<Call>(CALLS);
  const isAfter = random.chance(0.5);
  const ms = random.pick([50, 400, 1_500, 5_000, 9_000]);
  const kind = random.pick<FaultKind>(WEIGHTED);
  switch (kind) {
    case 'crash': return { at, kind, target };
    case 'crash at a call': return { at, kind, target, call, isAfter };
    case 'freeze': return { at, kind, target, ms };
    case 'freeze at a call': return { at, kind, target, call, isAfter, ms };
    case 'lost call': return { at, kind, target, call, how: random.pick(['request lost', 'reply lost', 'reply lost']) };
    case 'late call': return { at, kind, target, call, ms: random.pick([300, 2_500, 6_000]) };
    case 'slow process': return { at, kind, target, factor: random.pick([5, 50]), ms };
    case 'cut off': return { at, kind, target, ms: 2 * ms };
    case 'clock jump': return { at, kind, target, byMs: random.pick([-86_400_000, -5_000, 5_000, 3_600_000, 40 * 86_400_000]) };
    case 'rebalance': case 'store wiped': case 'store rolled back': case 'store failed over': case 'duplicate': return { at, kind };
    case 'slow everything': return { at, kind, factor: random.pick([5, 20]), ms };
    case 'store lost a key': return { at, kind, partition, what: random.pick(LOSABLE) };
    case 'store refuses': return { at, kind, ms: 2 * ms };
    case 'store slow': case 'importer crash': return { at, kind, ms };
    case 'transaction timed out': case 'offsets forgotten': return { at, kind, partition };
    case 'delay': return { at, kind, topic, partition, ms };
    case 'gap': return { at, kind, topic, partition, count: random.between(1, 5) };
    case 'aborted input': return { at, kind, topic, partition, ms };
    case 'poison': return { at, kind, topic, partition, how: random.pick(POISONS) };
  }
}

/** Each at least once; what the protocol is about more often. */
const WEIGHTED: readonly [FaultKind, ...FaultKind[]] = [
  'crash', 'crash', 'crash at a call', 'crash at a call', 'crash at a call', 'freeze', 'freeze at a call', 'freeze at a call', 'lost call',
  'lost call', 'lost call', 'late call', 'late call', 'rebalance', 'rebalance', 'store rolled back', 'store failed over', 'store lost a key',
  ...FAULT_KINDS,
];
