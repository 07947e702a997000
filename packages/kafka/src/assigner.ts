// Which member of the group has which partitions: partition p of all topics goes to one member, and as few as possible move.
//
// A1  The counts of the members differ by at most one.
// A2  A member keeps what it has, up to its share.

import { AssignerProtocol, type Assigner, type PartitionAssigner } from 'kafkajs';

const NAME = 'fillstream-copartition';
const VERSION = 1;

/** `owned` tells the partitions that this member has now. */
export function coPartitionAssigner(owned: () => readonly number[]): PartitionAssigner {
  return ({ cluster }): Assigner => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.from(JSON.stringify(owned())) }),
    }),
    assign: ({ members, topics }) => {
      const counts = topics.map((topic) => cluster.findTopicPartitionMetadata(topic).length);
      const claims = members.map(({ memberId, memberMetadata }) => ({ member: memberId, owned: claimOf(memberMetadata) }));
      return Promise.resolve(Array.from(assign(claims, Math.min(...counts)), ([memberId, partitions]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: Object.fromEntries(topics.map((topic) => [topic, partitions])),
          userData: Buffer.alloc(0),
        }),
      })));
    },
  });
}

export type Claim = { readonly member: string; readonly owned: readonly number[] };

/** The partitions of each member (A1, A2). */
export function assign(claims: readonly Claim[], partitions: number): Map<string, number[]> {
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition));
  const members = claims.toSorted((a, b) => b.owned.length - a.owned.length || (a.member < b.member ? -1 : 1));
  const shares = members.map(({ member, owned }, place) => {
    const size = Math.floor(partitions / members.length) + (place < partitions % members.length ? 1 : 0);
    const kept = owned.filter((partition) => free.has(partition)).slice(0, size);
    for (const partition of kept) free.delete(partition);
    return { member, size, kept };
  });
  return new Map(shares.map(({ member, size, kept }) => {
    const added = [...free].slice(0, size - kept.length);
    for (const partition of added) free.delete(partition);
    return [member, [...kept, ...added].sort((a, b) => a - b)];
  }));
}

function claimOf(metadata: Buffer): number[] {
  try {
    const text = AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString() ?? '[]';
    const owned: unknown = JSON.parse(text);
    return Array.isArray(owned) ? owned.filter((partition: unknown) => typeof partition === 'number') : [];
  } catch {
    return []; // Another program's metadata: it owns nothing that we know of.
  }
}
