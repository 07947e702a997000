// Gateways and their clients in a run: what goes wrong between them, and what each client has to have in the end.
//
// B1  A client has every signal of its filter from where it began, once, in the order of its partition; one that began with a snapshot
//     may lack what a later revision had replaced by then.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNewer, type Filter, type Signal } from '@fillstream/client';
import { compileFilter } from '@fillstream/gateway/feed/filter';
import { CursorCodec } from '@fillstream/gateway/feed/cursor';
import { partitionOf } from '@fillstream/runtime';
import { randomOf, type Random } from '../../oracle/random.ts';
import type { Simulation } from '../simulation.ts';
import { SimClient } from './client.ts';
import { SimGateway } from './gateway.ts';
import type { CommittedSignal, SubscriberFault, Subscribers, SubscribersPlan } from './ports.ts';
import { committedSignals, LOG_IDENTITY } from './signal-source.ts';
import type { World } from './world.ts';

const LOOK_MS = 500;
/** Silence, the longest wait to connect again, and all there is once more. */
const PATIENCE_MS = 180_000;
const SLOW_BYTES_PER_SECOND = 400;

export function startSubscribers(world: World, plan: SubscribersPlan): Subscribers {
  return new Running(world, plan);
}

class Running implements Subscribers {
  readonly #world: World;
  readonly #simulation: Simulation;
  readonly #codec: CursorCodec;
  readonly #folder: string | null;
  readonly #gateways: readonly SimGateway[];
  readonly #clients: readonly SimClient[];
  readonly #ends = new Set<() => void>();

  constructor(world: World, plan: SubscribersPlan) {
    const { simulation, network } = world;
    const random = randomOf(plan.seed);
    this.#world = world;
    this.#simulation = simulation;
    this.#codec = new CursorCodec(LOG_IDENTITY, simulation.partitions);
    // SQLite's own files are real ones, and never waited for.
    this.#folder = plan.hasFiles ? mkdtempSync(join(tmpdir(), 'fillstream-simulation-')) : null;
    this.#gateways = Array.from({ length: plan.gateways }, (_, number) => new SimGateway({
      world, name: `gateway-${number}`, file: this.#folder === null ? ':memory:' : join(this.#folder, `${number}.sqlite`),
      limits: { bufferBytes: random.pick([1_000, 20_000, 1_048_576]) },
    }));
    network.listen('gateway', () => {
      const [first, ...others] = this.#gateways.flatMap(({ listener }) => listener ?? []);
      return first === undefined ? null : simulation.random.pick([first, ...others]);
    });
    this.#clients = Array.from({ length: plan.clients }, (_, number) => newClient(world, random, number, plan.addresses));
    for (const gateway of this.#gateways) gateway.start();
    for (const client of this.#clients) simulation.time.after(random.between(0, plan.openMs / 2), () => client.start());
  }

  strike(fault: SubscriberFault): void {
    this.#simulation.count(`subscribers: ${fault.kind}`);
    this.#simulation.trace(`subscribers ${JSON.stringify(fault)}`);
    const gateway = this.#gateways[fault.target % this.#gateways.length];
    const client = this.#clients[fault.target % this.#clients.length];
    switch (fault.kind) {
      case 'gateway-crash':
        gateway?.crash(fault.downMs);
        return;
      case 'gateway-stop':
        gateway?.stop(fault.downMs);
        return;
      case 'gateway-freeze':
        gateway?.process?.freeze(fault.forMs);
        return;
      case 'client-crash':
        client?.crash(fault.downMs);
        return;
      case 'client-freeze':
        client?.process?.freeze(fault.forMs);
        return;
      case 'client-link':
        if (client !== undefined) this.#strikeLink(fault, client);
    }
  }

  async settle(): Promise<void> {
    for (const end of this.#ends) end();
    const ends = this.#endsOfSignals();
    const until = this.#simulation.time.now + PATIENCE_MS;
    for (const client of this.#clients) {
      client.start();
      client.hurry();
    }
    while (!this.#clients.every((client) => this.#hasAll(client, ends)) && this.#simulation.time.now < until) {
      await new Promise<void>((resolve) => this.#simulation.time.after(LOOK_MS, resolve));
    }
    for (const client of this.#clients) client.end();
    for (const gateway of this.#gateways) gateway.stop('for good');
    while (this.#gateways.some(({ process }) => process !== null)) await new Promise<void>((resolve) => this.#simulation.time.after(1, resolve));
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  problems(committed: readonly CommittedSignal[]): string[] {
    const news = newsAmong(committed);
    return this.#clients.flatMap((client) => this.#problemsOf(client, news));
  }

  #problemsOf(client: SimClient, news: readonly CommittedSignal[]): string[] {
    const isWanted = compileFilter(client.filter);
    const begin = client.begin === 'latest' ? this.#beginOf(client) : [];
    const wanted = news.filter(({ partition, offset, signal }) => offset >= (begin[partition] ?? 0) && isWanted(signal));
    const lasts = new Map(news.map(({ signal }) => [signal.id, signal.revision]));
    this.#simulation.count('client: signals compared', client.received.length);
    return Array.from({ length: this.#simulation.partitions }, (_, partition) => {
      const received = client.received.filter(({ address }) => partitionOf(address, this.#simulation.partitions) === partition);
      const expected = wanted.filter((each) => each.partition === partition).map(({ signal }) => signal);
      // One that was replaced may be missing, if it began with a snapshot.
      const had = new Set(received.map(textOf));
      const needed = client.begin === 'snapshot' ? expected.filter((signal) => had.has(textOf(signal)) || lasts.get(signal.id) === signal.revision) : expected;
      return difference(`${client.name} (${client.begin} ${JSON.stringify(client.filter)}), partition ${partition}`, received, needed);
    }).flat();
  }

  #beginOf({ began }: SimClient): readonly number[] {
    const { partitions } = this.#simulation;
    if (began === null) return Array.from({ length: partitions }, () => Infinity);
    const first = began.first === null ? null : partitionOf(began.first.address, partitions);
    return this.#codec.decode(began.cursor).map((offset, partition) => (partition === first ? offset - 1 : offset));
  }

  #hasAll(client: SimClient, ends: readonly number[]): boolean {
    const { cursor } = client;
    return cursor !== null && this.#codec.decode(cursor).every((offset, partition) => offset >= (ends[partition] ?? 0));
  }

  /** By partition, the offset after its last signal. */
  #endsOfSignals(): readonly number[] {
    const ends = Array.from({ length: this.#simulation.partitions }, () => 0);
    for (const { partition, offset } of committedSignals(this.#simulation)) ends[partition] = offset + 1;
    return ends;
  }

  #strikeLink({ how, forMs }: Extract<SubscriberFault, { readonly kind: 'client-link' }>, { process }: SimClient): void {
    for (const wire of process === null ? [] : this.#world.network.wiresOf(process)) {
      switch (how) {
        case 'reset':
          wire.cut('reset');
          break;
        case 'end':
          wire.cut('fin');
          break;
        case 'half-open':
          wire.die();
          break;
        case 'slow':
          wire.slowDown(SLOW_BYTES_PER_SECOND);
          this.#endIn(forMs, () => wire.slowDown(Infinity));
          break;
        case 'silent':
          wire.stall();
          this.#endIn(forMs, () => wire.flow());
      }
    }
  }

  #endIn(ms: number, end: () => void): void {
    const once = (): void => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    this.#simulation.time.after(ms, once);
  }
}

function newClient(world: World, random: Random, number: number, addresses: readonly string[]): SimClient {
  const begin = random.pick<SimClient['begin']>(['earliest', 'earliest', 'latest', 'snapshot']);
  const greatestMs = random.pick([0, 0, 20, 200]);
  return new SimClient({
    world, name: `client-${number}`, begin, filter: filterOf(random, addresses), maxBuffered: random.pick([4, 40, 1_000]),
    workMs: () => (greatestMs === 0 ? 0 : random.between(0, greatestMs)),
  });
}

function filterOf(random: Random, [first, ...others]: readonly string[]): Filter {
  const some: readonly Filter[] = first === undefined ? [] : [{ addresses: [random.pick([first, ...others])] }, { addresses: [first, ...others] }];
  return random.pick<Filter>([{}, {}, { directions: ['open'] }, { revisions: 'first' }, { minNotional: '1000' }, { sides: ['SHORT'], triggers: ['complete', 'timeout'] }, ...some]);
}

/** Those that aren't a repeat of an earlier one, or older. */
function newsAmong(committed: readonly CommittedSignal[]): CommittedSignal[] {
  const known = new Map<string, Signal>();
  return committed.filter(({ signal }) => {
    const held = known.get(signal.id);
    if (held !== undefined && !isNewer(held, signal)) return false;
    known.set(signal.id, signal);
    return true;
  });
}

function difference(where: string, received: readonly Signal[], expected: readonly Signal[]): string[] {
  const [had, due] = [received.map(textOf), expected.map(textOf)];
  const place = due.findIndex((text, at) => text !== had[at]);
  if (place < 0 && had.length === due.length) return [];
  const at = place < 0 ? due.length : place;
  const [got, wanted] = [had[at], due[at]];
  const kind = got === undefined ? 'lost' : had.indexOf(got) < at ? 'duplicated' : due.includes(got) ? wanted !== undefined && had.includes(wanted) ? 'reordered' : 'lost' : 'never committed';
  return [`${kind}: ${where}: at ${at} of ${due.length} (had ${had.length}) expected ${wanted ?? 'nothing more'}, got ${got ?? 'nothing more'}`];
}

function textOf(signal: Signal): string {
  return JSON.stringify(signal);
}
