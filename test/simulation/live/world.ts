// The run under way in this thread, as the twins of globals and modules find it.

import { SimProcess } from '../process.ts';
import type { Simulation } from '../simulation.ts';
import { scope } from '../time.ts';
import { Disk } from './disk.ts';
import { Network } from './network.ts';

export class World {
  readonly simulation: Simulation;
  readonly network: Network;
  readonly disk = new Disk();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
    this.network = new Network(simulation);
  }
}

let current: World | null = null;

/** From now on the twins are of this world; null: of none, and they refuse. */
export function enterWorld(world: World | null): void {
  current = world;
}

export function worldNow(): World {
  if (current === null) throw new Error('expected a simulation under way');
  return current;
}

/** Whose code runs. */
export function processNow(): SimProcess {
  const owner = scope.getStore();
  if (!(owner instanceof SimProcess)) throw new Error('expected code of a simulated process');
  return owner;
}

export function isWorldUnderWay(): boolean {
  return current !== null;
}
