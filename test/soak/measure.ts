// Whether something grows with the work done: samples of memory and descriptors, and the slope through them.
//
// M1  A sample is what is left after the garbage is gone.
// M2  The slope is the median of those between all pairs (Theil and Sen): a few samples that are off don't move it.
// M3  What comes first isn't judged: until then, state fills up to its bounds.

import { readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export type Sample = {
  /** Records so far. */
  readonly work: number;
  /** Bytes. */
  readonly heap: number;
  /** Bytes of buffers and of native code. */
  readonly external: number;
  /** null where the system doesn't tell. */
  readonly descriptors: number | null;
  /** Timers, sockets and whatever else keeps a process alive. */
  readonly resources: number;
};

export type Grown = {
  readonly what: 'heap' | 'external' | 'descriptors' | 'resources';
  /** For each record. */
  readonly slope: number;
  /** Over the samples that are judged. */
  readonly growth: number;
  readonly allowed: number;
};

const JUDGED_SHARE = 0.6;
const LEAST_SAMPLES = 6;
/** What a heap's own bookkeeping, code that is compiled meanwhile and buffers on their way come to. */
const NOISE = { heap: 1_000_000, external: 1_000_000, descriptors: 16, resources: 16 } as const;
/** Of memory for each record, beside the noise: less than the smallest thing that can be kept of one. */
const BYTES_A_RECORD = 4;

const collect = collector();

/** M1. */
export async function sample(work: number): Promise<Sample> {
  for (let rounds = 0; rounds < 3; rounds += 1) {
    await turn();
    collect();
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { work, heap: heapUsed, external: external + arrayBuffers, descriptors: descriptors(), resources: process.getActiveResourcesInfo().length };
}

/** What has grown beyond what it may. Throws RangeError for too few samples to tell. */
export function grownIn(samples: readonly Sample[]): readonly Grown[] {
  return slopesOf(samples).filter(({ growth, allowed }) => growth > allowed);
}

export function slopesOf(samples: readonly Sample[]): readonly Grown[] {
  const judged = samples.slice(-Math.ceil(samples.length * JUDGED_SHARE)); // M3
  if (judged.length < LEAST_SAMPLES) throw new RangeError(`expected at least ${String(LEAST_SAMPLES)} samples to judge, got ${String(judged.length)}`);
  const work = (judged.at(-1)?.work ?? 0) - (judged[0]?.work ?? 0);
  return (['heap', 'external', 'descriptors', 'resources'] as const).flatMap((what): Grown[] => {
    const points = judged.flatMap((each) => (each[what] === null ? [] : [[each.work, each[what]] as const]));
    if (points.length < judged.length) return [];
    const slope = medianSlope(points);
    const perRecord = what === 'heap' || what === 'external' ? BYTES_A_RECORD : 0;
    return [{ what, slope, growth: slope * work, allowed: NOISE[what] + perRecord * work }];
  });
}

/** M2. */
function medianSlope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], place) => points.slice(place + 1).map(([later, value]) => (value - y) / (later - x)));
  const sorted = slopes.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function descriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

/** `gc` is there whatever flags the process was started with. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  if (!isFunction(found)) throw new Error('the garbage can not be collected on demand');
  return () => found();
}

function isFunction(value: unknown): value is () => void {
  return typeof value === 'function';
}
