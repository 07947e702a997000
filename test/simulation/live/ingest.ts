// The live side of a run: an exchange, ingestors that watch it, and what goes wrong between them.
//
//   open ──settle──▶ halted ──every fill is on the topics──▶ stopped ──a last tick──▶ done
//
// V1  What is on the topics in the end is all that happened, in the order of an address's topics; it may be there more than once.
// V2  What an ingestor took goes to the topics, also what the exchange doesn't tell again: once all is settled no spill file holds
//     anything.

import { encodeTick } from '@fillstream/schemas';
import type { Desk } from '@fillstream/simulator/desk';
import type { Simulation } from '../simulation.ts';
import { EPOCH } from '../time.ts';
import { randomOf } from '../../oracle/random.ts';
import { EXCHANGE, SimExchange } from './exchange.ts';
import { SimIngestor } from './ingestor.ts';
import { ledgerProblems, readInputs, toldGaps } from './ledger-check.ts';
import type { LiveFault, LivePlan, LiveSide } from './ports.ts';
import { SimRoster } from './roster.ts';
import type { World } from './world.ts';

/** Looks whether all has arrived so often. */
const LOOK_MS = 500;
/** As long as an audit may take to come round, and to be tried again; real, before scale. */
const PATIENCE_MS = 2_400_000;
/** Beyond the last deadline of anything that is reported. */
const LAST_TICK_MS = 3_600_000;

export function startIngestors(world: World, plan: LivePlan): LiveSide {
  return new Live(world, plan);
}

class Live implements LiveSide {
  readonly #world: World;
  readonly #simulation: Simulation;
  readonly #plan: LivePlan;
  readonly #exchange: SimExchange;
  readonly #ingestors: readonly SimIngestor[];
  readonly #roster: SimRoster;
  readonly #ends = new Set<() => void>();
  readonly #missing = new Set<string>();
  readonly #read: number[];

  constructor(world: World, plan: LivePlan) {
    const { simulation, network } = world;
    this.#world = world;
    this.#simulation = simulation;
    this.#plan = plan;
    this.#exchange = new SimExchange(simulation, network, plan);
    const { desk, endpoint } = this.#exchange;
    this.#ingestors = Array.from({ length: plan.ingestors }, (_, number) => new SimIngestor({
      world, name: `ingestor-${number}`, endpoint, scale: plan.scale, onLife: () => this.#roster.noteLife(),
    }));
    this.#roster = new SimRoster(simulation, randomOf(plan.seed), desk.addresses, this.#ingestors);
    this.#read = Array.from({ length: simulation.partitions }, () => 0);
    for (const ingestor of this.#ingestors) ingestor.start();
  }

  get addresses(): readonly string[] {
    return this.#exchange.desk.addresses;
  }

  strike(fault: LiveFault): void {
    this.#simulation.count(`live: ${fault.kind === 'exchange' ? `exchange ${fault.fault}` : fault.kind}`);
    this.#simulation.trace(`live ${JSON.stringify(fault)}`);
    if (fault.kind === 'share') this.#roster.shuffle(fault.overlapMs);
    else if (fault.kind === 'exchange') this.#exchange.act((desk) => strikeExchange(desk, fault));
    else this.#strikeIngestor(fault, this.#ingestors[fault.target % this.#ingestors.length]);
  }

  async settle(): Promise<void> {
    for (const end of this.#ends) end();
    this.#exchange.act((desk) => {
      desk.clearFaults();
      desk.halt();
      for (const { address, data } of desk.ledger.fills()) this.#missing.add(keyOf(address, data.tid));
    });
    this.#simulation.trace(`the market halts with ${this.#missing.size} fills`);
    const until = this.#simulation.time.now + PATIENCE_MS / this.#plan.scale;
    while (!this.#isWhole() && this.#simulation.time.now < until) await this.#pause(LOOK_MS);
    this.#tellUnsettled();
    this.#roster.end();
    await Promise.all(this.#ingestors.map(async (ingestor) => await ingestor.stop('for good')));
    this.#exchange.close();
    this.#tickLast();
    this.#tellMissing();
  }

  ledgerProblems(signals: Parameters<LiveSide['ledgerProblems']>[0]): string[] {
    return ledgerProblems(this.#simulation, this.#exchange.desk, signals);
  }

  #strikeIngestor(fault: Exclude<LiveFault, { readonly kind: 'share' | 'exchange' }>, ingestor: SimIngestor | undefined): void {
    if (ingestor === undefined) return;
    const { network, disk } = this.#world;
    switch (fault.kind) {
      case 'ingestor-crash':
        ingestor.crash(fault);
        return;
      case 'ingestor-crash-appending':
        ingestor.process?.arm({ call: 'ingestor append', passing: fault.passing, fate: { kind: fault.isAfter ? 'crash after' : 'crash before' } });
        return;
      case 'ingestor-stop':
        void ingestor.stop(fault.downMs);
        return;
      case 'ingestor-freeze':
        ingestor.process?.freeze(fault.forMs);
        this.#roster.noteLife();
        this.#endIn(fault.forMs, () => this.#roster.noteLife());
        return;
      case 'ingestor-clock':
        ingestor.jumpClock(fault.byMs);
        return;
      case 'broker-away':
        ingestor.setAway(true);
        this.#endIn(fault.forMs, () => ingestor.setAway(false));
        return;
      case 'ingestor-disk':
        if (fault.how === 'torn') disk.tear(ingestor.folder);
        else disk.fill(ingestor.folder, true);
        this.#endIn(fault.forMs, () => disk.mend(ingestor.folder));
        return;
      case 'exchange-away':
        this.#endIn(fault.forMs, network.block(ingestor.name, EXCHANGE, fault.how));
    }
  }

  /** At its time, or when all faults end. */
  #endIn(ms: number, end: () => void): void {
    const once = (): void => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    this.#simulation.time.after(ms, once);
  }

  #isWhole(): boolean {
    for (const [partition, from] of this.#read.entries()) {
      const { facts, next } = readInputs(this.#simulation, partition, from);
      this.#read[partition] = next;
      for (const { kind, address, tid } of facts) if (kind === 'fill') this.#missing.delete(keyOf(String(address), tid));
    }
    return this.#missing.size === 0 && this.#ingestors.every((ingestor) => ingestor.isSettled);
  }

  /** Fills that nobody told, and nobody owned up to. */
  #tellMissing(): void {
    const isKnownGap = toldGaps(this.#simulation);
    const missing = this.#exchange.desk.ledger.fills().filter(({ address, data }) => this.#missing.has(keyOf(address, data.tid)) && !isKnownGap(address, data.time));
    const [first] = missing;
    if (first === undefined) return;
    this.#simulation.problem(`lost: ${missing.length} fills of the exchange are on no topic, ${first.address}/${first.data.oid} tid ${first.data.tid} the first`);
  }

  /** V2. */
  #tellUnsettled(): void {
    for (const { name, folder, isSettled } of this.#ingestors) {
      if (!isSettled) this.#simulation.problem(`unseen: ${name} has not come to rest in the calm`);
      const bytes = this.#world.disk.bytesBelow(folder);
      if (bytes > 0) this.#simulation.problem(`lost: ${bytes} bytes are left in the spill file of ${name}`);
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#simulation.time.after(ms, resolve));
  }

  #tickLast(): void {
    const { broker, partitions, time } = this.#simulation;
    const at = EPOCH + Math.floor(time.now) + LAST_TICK_MS;
    for (let partition = 0; partition < partitions; partition += 1) {
      for (const topic of ['fills', 'order-updates'] as const) broker.append(topic, partition, [{ key: null, timestamp: at, value: encodeTick(at) }]);
    }
  }
}

function strikeExchange(desk: Desk, { fault, how, address, times, forMs }: Extract<LiveFault, { readonly kind: 'exchange' }>): void {
  const target = address === null ? undefined : desk.addresses[address % Math.max(desk.addresses.length, 1)];
  // What is known of a connection strikes at once, the others wait for what they need.
  const counted = ['cut', 'half-open', 'slow', 'expire', 'repeat-snapshot', 'rubbish'].includes(fault) ? {} : { times };
  desk.fault(fault, { ...counted, ...(how === null ? {} : { how }), ...(target === undefined ? {} : { address: target }), forMs });
}

function keyOf(address: string, tid: unknown): string {
  return `${address}/${String(tid)}`;
}
