// Who watches what, and tells which partitions the time: an ingestors' group as far as they notice it.
//
// R1  Every address and every partition has an ingestor soon after there is one; two may have one for a while, as whoever loses it
//     hears of it later than whoever gets it.
// R2  Whoever is silent for a session is out, whatever it believes; it is told once it answers again.

import { assign as sharePartitions } from '../../../packages/kafka/src/assigner.ts';
import { share } from '../../../services/ingestor/src/share.ts';
import type { Simulation } from '../simulation.ts';
import type { Random } from '../../oracle/random.ts';
import type { Assignment, SimIngestor } from './ingestor.ts';

const SESSION_MS = 10_000;
const CAPACITY = 10;
const LEAST_MS = 20;
const GREATEST_MS = 800;

export class SimRoster {
  readonly #simulation: Simulation;
  readonly #random: Random;
  readonly #addresses: readonly string[];
  readonly #ingestors: readonly SimIngestor[];
  /** What each was told last. */
  readonly #told = new Map<SimIngestor, Assignment>();
  #isEnded = false;
  #planned = 0;

  constructor(simulation: Simulation, random: Random, addresses: readonly string[], ingestors: readonly SimIngestor[]) {
    this.#simulation = simulation;
    this.#random = random;
    this.#addresses = addresses;
    this.#ingestors = ingestors;
  }

  /** Somebody came or went: shares anew after a session, or at once when somebody came. */
  noteLife(): void {
    if (this.#isEnded) return;
    for (const ingestor of this.#ingestors) if (ingestor.process === null) this.#told.delete(ingestor);
    this.#shareIn(LEAST_MS, false);
    this.#shareIn(SESSION_MS, false);
  }

  /** Addresses change hands, without a reason. */
  shuffle(overlapMs: number): void {
    this.#share(true, overlapMs);
  }

  /** Nobody is told anything any more. */
  end(): void {
    this.#isEnded = true;
  }

  #shareIn(ms: number, isShuffled: boolean): void {
    this.#planned += 1;
    const planned = this.#planned;
    this.#simulation.time.after(ms, () => {
      if (planned === this.#planned || ms === LEAST_MS) this.#share(isShuffled, 0);
    });
  }

  #share(isShuffled: boolean, overlapMs: number): void {
    const members = this.#ingestors.filter(({ process }) => process?.life === 'running');
    if (this.#isEnded || members.length === 0) return;
    const names = members.map((ingestor) => ({ ingestor, name: ingestor.name }));
    const shares = isShuffled ? this.#shuffled(names.map(({ name }) => name)) : share(this.#addresses, names.map(({ ingestor, name }) => (
      { name, capacity: CAPACITY, watching: this.#told.get(ingestor)?.addresses ?? [] }
    ))).shares;
    const owned = names.map(({ ingestor, name }) => ({ member: name, owned: this.#told.get(ingestor)?.ticks ?? [] }));
    const ticks = sharePartitions(owned, this.#simulation.partitions);
    for (const { ingestor, name } of names) this.#tell(ingestor, { addresses: shares.get(name) ?? [], ticks: ticks.get(name) ?? [] }, overlapMs);
  }

  #shuffled(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
    const [first = '', ...others] = names;
    const picked = this.#addresses.map((address) => ({ address, name: this.#random.pick([first, ...others]) }));
    return new Map(names.map((name) => [name, picked.filter((each) => each.name === name).map(({ address }) => address)]));
  }

  /** R1. */
  #tell(ingestor: SimIngestor, assignment: Assignment, overlapMs: number): void {
    const before = this.#told.get(ingestor);
    if (before !== undefined && isSame(before, assignment)) return;
    this.#told.set(ingestor, assignment);
    const losesAny = before?.addresses.some((address) => !assignment.addresses.includes(address)) ?? false;
    const later = losesAny ? overlapMs : 0;
    ingestor.process?.deliver(this.#random.between(LEAST_MS, GREATEST_MS) + later, () => {
      if (this.#told.get(ingestor) === assignment) ingestor.assign(assignment);
    });
  }
}

function isSame(one: Assignment, other: Assignment): boolean {
  return one.addresses.join() === other.addresses.join() && one.ticks.join() === other.ticks.join();
}
