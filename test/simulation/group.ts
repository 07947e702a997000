// The consumer group's twin: its coordinator at the broker, and a member of it in a process.
//
//   joining ──all are in, or too late──▶ stable ──a member comes, goes, is silent, or chance──▶ joining
//
// G1  A member is told of a new assignment once it has asked to join again; until then it believes in its old one.
// G2  A heartbeat names the assignment that it is of: who missed a newer one, as its answer got lost, has to join again.
// G3  A member that is silent for a session is out, whatever it believes.

import { Membership } from '../../packages/kafka/src/membership.ts';
import type { Consumer } from 'kafkajs';
import type { SimProcess } from './process.ts';
import type { Simulation } from './simulation.ts';

const SESSION_MS = 4_000;
const JOIN_MS = 2_000;
const HEARTBEAT_MS = 500;
const RETRY_MS = 200;

/** `generation`: the round that it is of. */
type Assignment = { readonly partitions: readonly number[]; readonly generation: number };
type Joined = { readonly member: string; readonly answer: (assignment: Assignment) => void };

export class SimGroup {
  readonly #simulation: Simulation;
  readonly #lastHeard = new Map<string, number>();
  #joining: Joined[] | null = null;
  /** Begun by each rebalance; an assignment has the number of its round. */
  #round = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#watch();
  }

  /** Resolves with the member's partitions when everybody has joined. */
  async join(member: string): Promise<Assignment> {
    this.#lastHeard.set(member, this.#simulation.time.now);
    this.rebalance();
    const { promise, resolve } = Promise.withResolvers<Assignment>();
    this.#joining = [...(this.#joining ?? []).filter((each) => each.member !== member), { member, answer: resolve }];
    if ([...this.#lastHeard.keys()].every((each) => this.#joining?.some((joined) => joined.member === each) === true)) this.#assign();
    return await promise;
  }

  heartbeat(member: string, generation: number): 'fine' | 'join again' {
    if (!this.#lastHeard.has(member)) return 'join again';
    this.#lastHeard.set(member, this.#simulation.time.now);
    return generation === this.#round ? 'fine' : 'join again'; // G2
  }

  leave(member: string): void {
    if (!this.#lastHeard.delete(member)) return;
    this.rebalance();
  }

  /** Everybody has to join again; who doesn't in time is out. */
  rebalance(): void {
    if (this.#joining !== null) return;
    this.#joining = [];
    const round = (this.#round += 1);
    this.#simulation.count('group: rebalances');
    this.#simulation.time.after(JOIN_MS, () => {
      if (this.#round === round && this.#joining !== null) this.#assign();
    });
  }

  #assign(): void {
    const joined = (this.#joining ?? []).toSorted((a, b) => (a.member < b.member ? -1 : 1));
    for (const member of this.#lastHeard.keys()) if (!joined.some((each) => each.member === member)) this.#lastHeard.delete(member);
    this.#joining = joined.length === 0 ? [] : null;
    if (joined.length === 0) return;
    const turn = this.#simulation.random.between(0, joined.length - 1);
    const assigned = new Map(joined.map(({ member }, place) => [
      member,
      Array.from({ length: this.#simulation.partitions }, (_, partition) => partition).filter((partition) => (partition + turn) % joined.length === place),
    ]));
    this.#simulation.trace(`group ${[...assigned].map(([member, partitions]) => `${member}: ${partitions.join(' ')}`).join(', ')}`);
    for (const { member, answer } of joined) answer({ partitions: assigned.get(member) ?? [], generation: this.#round });
  }

  #watch(): void {
    const { time } = this.#simulation;
    time.after(SESSION_MS / 2, () => {
      this.#watch();
      for (const [member, heardAt] of this.#lastHeard) {
        if (time.now - heardAt < SESSION_MS) continue;
        this.#simulation.count('group: a member is out');
        this.leave(member);
      }
    });
  }
}

type Events = { readonly joined: (event: unknown) => void; readonly heartbeat: () => void };

/** One process in the group, with what the real adapter believes of its membership. */
export class SimMember {
  readonly #simulation: Simulation;
  readonly #process: SimProcess;
  readonly #group: SimGroup;
  readonly #id: string;
  readonly #membership: Membership;
  readonly #events: Events;
  #hasLeft = false;

  constructor(simulation: Simulation, process: SimProcess, group: SimGroup, id: string, onAssigned: (partitions: readonly number[]) => void) {
    this.#simulation = simulation;
    this.#process = process;
    this.#group = group;
    this.#id = id;
    const listeners = new Map<string, (event: unknown) => void>();
    const consumer = { events: { GROUP_JOIN: 'joined', HEARTBEAT: 'heartbeat' }, on: (name: string, listen: (event: unknown) => void) => listeners.set(name, listen) };
    // All that it asks of a consumer.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    this.#membership = new Membership(consumer as unknown as Consumer, 'fills', onAssigned);
    const tell = (name: string, event: unknown): void => {
      if (!this.#hasLeft) listeners.get(name)?.(event);
    };
    this.#events = { joined: (event) => tell('joined', event), heartbeat: () => tell('heartbeat', undefined) };
  }

  /** Stays in the group until it leaves. */
  async stay(): Promise<void> {
    while (!this.#hasLeft) {
      try {
        const { partitions, generation } = await this.#process.call('join', async () => await this.#group.join(this.#id), { timeoutMs: 2 * JOIN_MS });
        this.#events.joined({ payload: { memberAssignment: { fills: [...partitions] }, duration: 0 } });
        await this.#beat(generation);
      } catch {
        await this.#pause(RETRY_MS); // Lost on the way: asked again.
      }
    }
  }

  async confirm(partition: number): Promise<void> {
    await this.#membership.confirm(partition);
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    this.#membership.leave();
    await this.#process.call('leave', () => this.#group.leave(this.#id)).catch(() => undefined); // The session ends by itself.
  }

  /** Until the group wants everybody to join again. */
  async #beat(generation: number): Promise<void> {
    for (;;) {
      await this.#pause(HEARTBEAT_MS);
      if (this.#hasLeft) return;
      const answer = await this.#process.call('heartbeat', () => this.#group.heartbeat(this.#id, generation), { timeoutMs: HEARTBEAT_MS });
      if (answer === 'join again') return;
      this.#events.heartbeat();
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#simulation.time.after(ms, resolve, this.#process));
  }
}
