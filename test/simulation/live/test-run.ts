// For tests: one simulated run around a task, in a thread of test-thread.ts.

import { partitionOf } from '@fillstream/runtime';
import { encodeSignal, type Signal } from '@fillstream/schemas';
import { randomOf, type Random } from '../../oracle/random.ts';
import { enterRun } from '../globals.ts';
import { Simulation } from '../simulation.ts';
import type { SimTime } from '../time.ts';
import { enterWorld, World } from './world.ts';

export type Run = { readonly world: World; readonly simulation: Simulation; readonly time: SimTime; readonly random: Random };

export async function inRun<T>(options: { readonly seed: number; readonly partitions?: number; readonly trouble?: number }, task: (run: Run) => Promise<T>): Promise<T> {
  const { seed, partitions = 2, trouble = 0 } = options;
  const simulation = new Simulation(seed, partitions, { travelMs: 2, trouble, slowMarkers: 0 });
  const world = new World(simulation);
  enterRun({ time: simulation.time, random: randomOf(seed) });
  enterWorld(world);
  try {
    return await task({ world, simulation, time: simulation.time, random: randomOf(seed) });
  } finally {
    enterWorld(null);
    enterRun(null);
  }
}

/** Lets simulated time pass. */
export async function pass({ time }: Run, ms: number): Promise<void> {
  const until = time.now + ms;
  let isOver = false;
  time.after(ms, () => (isOver = true));
  await time.runUntil(() => isOver || time.now > until);
}

/** Lets simulated time pass until it has settled. */
export async function over<T>({ time }: Run, what: Promise<T>): Promise<T> {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  what.then(end, end);
  await time.runUntil(() => isOver);
  return await what;
}

export function addressOf(number: number): string {
  return `0x${number.toString(16).padStart(40, '0')}`;
}

/** Signals of a few orders, each revision behind the last, appended over a time. */
export function appendSignals({ simulation, random, time }: Run, count: number, withinMs: number): void {
  const revisions = new Map<string, number>();
  for (let left = count; left > 0; left -= 1) {
    const [address, oid, notional] = [addressOf(random.between(1, 6)), random.between(1, 200), String(random.between(1, 3_000))];
    const direction = random.pick<Signal['direction']>(['open', 'close']);
    time.after(random.between(0, withinMs), () => {
      const id = `${address}/${oid}/${direction}-long`;
      const revision = (revisions.get(id) ?? 0) + 1;
      revisions.set(id, revision);
      const partition = partitionOf(address, simulation.partitions);
      simulation.broker.append('signals', partition, [{ key: address, timestamp: null, value: encodeSignal(signalOf({ id, address, oid, direction, notional, revision })) }]);
      if (random.chance(0.3)) simulation.broker.topic('signals', partition).addGap();
    });
  }
}

function signalOf(part: Pick<Signal, 'id' | 'address' | 'oid' | 'direction' | 'notional' | 'revision'>): Signal {
  return {
    coin: 'BTC', symbol: 'BTC', cloid: null, assetType: 'futures', side: 'LONG', size: '1', price: '1', positionSize: 'small', positionBefore: '0',
    positionAfter: '1', closeRate: '0', positionRate: null, fees: { USDC: '0' }, closedPnl: '0', fillCount: part.revision,
    firstFillAt: 1_760_000_000_000, lastFillAt: 1_760_000_000_000 + part.revision, orderStatus: null, trigger: 'timeout', complete: false,
    reversal: false, cause: 'trade', twapId: null, ...part,
  };
}
