// A consumer group as its coordinator describes it: who is in it, what each member said of itself and was given.

import kafkajs, { type Admin, type MemberDescription } from 'kafkajs';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { saidBy } from './work-group.ts';

const { AssignerProtocol: { MemberAssignment } } = kafkajs;

export type GroupReport = {
  readonly groupId: string;
  /** Kafka's word: Stable, Empty, Dead (there never was one), PreparingRebalance, CompletingRebalance. */
  readonly state: string;
  readonly members: readonly MemberReport[];
};

export type MemberReport = {
  readonly memberId: string;
  /** Where the process connects from. */
  readonly host: string;
  /** By topic, as it is named in the cluster. */
  readonly partitions: Readonly<Record<string, readonly number[]>>;
  /** Of a member of a WorkGroup: what it said of itself, and its share; null of any other. */
  readonly claim: string | null;
  readonly share: string | null;
};

/** `group` is without its namespace. Throws PortError. */
export async function inspectGroup(options: KafkaOptions, group: string): Promise<GroupReport> {
  return await withAdmin(connectionOf(options), async (admin) => await describeGroup(admin, nameIn(options.namespace, group)));
}

export async function describeGroup(admin: Admin, groupId: string): Promise<GroupReport> {
  const { groups: [group] } = await admin.describeGroups([groupId]);
  return { groupId, state: group?.state ?? 'Unknown', members: (group?.members ?? []).map(memberOf) };
}

function memberOf({ memberId, clientHost, memberAssignment, memberMetadata }: MemberDescription): MemberReport {
  const assignment = decoded(() => MemberAssignment.decode(memberAssignment));
  return {
    memberId,
    host: clientHost.replace(/^\//, ''),
    partitions: assignment?.assignment ?? {},
    claim: decoded(() => saidBy(memberMetadata))?.[1] ?? null,
    share: assignment?.userData.toString() || null,
  };
}

/** null while the group is being shared out, and for another program's bytes. */
function decoded<T>(decode: () => T | null): T | null {
  try {
    return decode();
  } catch {
    return null;
  }
}
