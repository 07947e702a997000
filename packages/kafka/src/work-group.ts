// Work that the processes of a consumer group share: each says what it can do, the group's leader says what each one does.
//
// G1  A process keeps its share until the group gives it another: a group that doesn't answer changes nothing.
// G2  To have the work shared anew, a process joins once more, and only then gives its first membership back: it is never
//     absent, so its share stays its own. Meanwhile both memberships have one share.
// G3  The client keeps what the leader says to itself; it is read from the group's description, which is the newest one as
//     long as the group is stable and has us.
// G4  Versions may mix: the protocol's name is its version, and of what a member says only what is known is read.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PortError } from '@fillstream/runtime';
import kafkajs, { type Consumer, type GroupMember, type GroupMemberAssignment, type Kafka, type PartitionAssigner } from 'kafkajs';
import { connectionOf, kafkaFailure, messageOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';
import { sessionConfig } from './membership.ts';

const { AssignerProtocol: { MemberAssignment, MemberMetadata } } = kafkajs;

export type WorkGroupOptions = {
  readonly kafka: KafkaOptions;
  /** Group and topic without their namespace. The topic is one that all members may read; nothing is read of it. */
  readonly group: string;
  readonly topic: string;
  readonly sessionTimeoutMs?: number;
  /** What this process says of itself whenever the work is shared. */
  readonly claim: () => string;
  /** From each process' claim to its share; called where the group's leader is. */
  readonly share: (claims: ReadonlyMap<string, string>) => ReadonlyMap<string, string>;
  /** Told of this process' share, also of one that is as before. */
  readonly onShare: (share: string) => void;
  /** Told of what ends the membership for good. */
  readonly onFailure: (error: PortError) => void;
};

const PROTOCOL = 'fillstream-work';
/** Of Kafka's own layout of metadata and assignments: what the client writes is layout 0. */
const LAYOUT = 0;
const SESSION_TIMEOUT_MS = 10_000;
/** Nothing is fetched: so often the client looks whether a heartbeat is due. */
const LOOK_MS = 100;
const ASK_AGAIN_MS = 250;

type Member = Enduring & { readonly consumer: Consumer };

export class WorkGroup {
  /** Of this process, in claims and shares. */
  readonly name = randomUUID();
  readonly #options: WorkGroupOptions;
  readonly #kafka: Kafka;
  readonly #groupId: string;
  #member: Member;
  #isLeader = false;
  #answeredAt: number | null = null;
  /** Counts assignments: what was asked for an earlier one is of no more interest. */
  #turn = 0;
  #hasLeft = false;

  /** Resolves when the group has us; the share is told later. Throws PortError. */
  static async join(options: WorkGroupOptions): Promise<WorkGroup> {
    const group = new WorkGroup(options);
    const member = group.#member;
    try {
      await group.#connect(member);
      await member.run();
      return group;
    } catch (error) {
      await member.end();
      throw kafkaFailure('joining the group', error, false);
    }
  }

  private constructor(options: WorkGroupOptions) {
    this.#options = options;
    this.#kafka = connectionOf(options.kafka);
    this.#groupId = nameIn(options.kafka.namespace, options.group);
    this.#member = this.#newMember();
  }

  /** Whether this process has the say in the group. */
  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** When the group last answered (`performance.now()`); null before the first answer. */
  get answeredAt(): number | null {
    return this.#answeredAt;
  }

  /** Has the work shared anew (G2). Resolves when the group is told; throws PortError. */
  async shareAnew(): Promise<void> {
    const [before, next] = [this.#member, this.#newMember()];
    const asked = Promise.withResolvers<void>();
    next.consumer.on(next.consumer.events.REQUEST, ({ payload: { apiName } }) => {
      if (apiName === 'JoinGroup') asked.resolve(); // From here on the group waits for us.
    });
    try {
      await this.#connect(next);
    } catch (error) {
      await next.end();
      throw kafkaFailure('joining the group', error);
    }
    this.#member = next;
    const running = next.run();
    await Promise.race([asked.promise, running]);
    await before.end();
    await running;
  }

  /** The others get our share at once. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    this.#turn += 1;
    await this.#member.end();
  }

  async #connect({ consumer }: Member): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [nameIn(this.#options.kafka.namespace, this.#options.topic)] });
  }

  #newMember(): Member {
    const consumer = this.#kafka.consumer({
      groupId: this.#groupId,
      partitionAssigners: [assignerOf(this.name, this.#options)],
      ...sessionConfig(this.#options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS),
      maxWaitTimeInMs: LOOK_MS,
    });
    const isCurrent = (): boolean => consumer === this.#member.consumer && !this.#hasLeft;
    consumer.on(consumer.events.HEARTBEAT, () => {
      if (isCurrent()) this.#answeredAt = performance.now();
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberId, isLeader } }) => {
      if (!isCurrent()) return;
      this.#answeredAt = performance.now();
      this.#isLeader = isLeader;
      void this.#tellShare(memberId);
    });
    const config = { autoCommit: false, eachBatch: async () => await Promise.resolve() };
    return { consumer, ...enduring(consumer, 'the group', config, (error) => {
      if (isCurrent()) this.#options.onFailure(error);
    }) };
  }

  async #tellShare(memberId: string): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const isOld = (): boolean => turn !== this.#turn;
    while (!isOld()) {
      const share = await this.#read(memberId).catch((error: unknown) => {
        this.#options.kafka.onTrouble?.(messageOf(error));
        return null;
      });
      if (share !== null && !isOld()) {
        this.#options.onShare(share);
        return;
      }
      await sleep(ASK_AGAIN_MS);
    }
  }

  /** G3; null while the group isn't stable, or has no such member. */
  async #read(memberId: string): Promise<string | null> {
    const { groups: [group] } = await withAdmin(this.#kafka, async (admin) => await admin.describeGroups([this.#groupId]));
    const member = group?.state === 'Stable' ? group.members.find((each) => each.memberId === memberId) : undefined;
    return member === undefined ? null : MemberAssignment.decode(member.memberAssignment)?.userData.toString() ?? null;
  }
}

/** Topic partitions are assigned to nobody: what counts is in the user data. */
function assignerOf(name: string, { claim, share }: WorkGroupOptions): PartitionAssigner {
  return () => ({
    name: PROTOCOL,
    version: LAYOUT,
    protocol: ({ topics }) => ({
      name: PROTOCOL,
      metadata: MemberMetadata.encode({ version: LAYOUT, topics, userData: Buffer.from(JSON.stringify([name, claim()])) }),
    }),
    assign: async ({ members }) => {
      await Promise.resolve();
      const claims = members.map(({ memberId, memberMetadata }) => ({ memberId, said: saidBy(memberMetadata) }));
      const shares = share(new Map(claims.flatMap(({ said }) => (said === null ? [] : [said]))));
      return claims.map(({ memberId, said }): GroupMemberAssignment => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: LAYOUT, assignment: {}, userData: Buffer.from(said === null ? '' : shares.get(said[0]) ?? ''),
        }),
      }));
    },
  });
}

/** Name and claim, and whatever a later version says behind them (G4); null for another program's metadata. */
export function saidBy(metadata: GroupMember['memberMetadata']): readonly [name: string, claim: string] | null {
  try {
    const said: unknown = JSON.parse(MemberMetadata.decode(metadata)?.userData.toString() ?? 'null');
    return isSaid(said) ? said : null;
  } catch {
    return null;
  }
}

function isSaid(value: unknown): value is readonly [name: string, claim: string] {
  return Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string';
}
