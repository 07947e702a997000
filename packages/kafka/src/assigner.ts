// Which member of the group has which partitions: partition p of all topics goes to one member, and as few as possible move.
//
// A1  The counts of the members differ by at most one.
// A2  A member keeps what it has, up to its share.
// A3  Versions may mix: the protocol's name is its version. A leader reads claims of its own time, earlier and later ones.

import { AssignerProtocol, type Assigner, type PartitionAssigner } from 'kafkajs';

/** Another rule of sharing gets another name; who knows both offers both, and the group takes one that all of its members know. */
const NAME = 'fillstream-copartition';
/** Of Kafka's own layout of metadata and assignments: what the client writes is layout 0. */
const LAYOUT = 0;

/** `owned` tells the partitions that this member has now. */
export function coPartitionAssigner(owned: () => readonly number[]): PartitionAssigner {
  return ({ cluster }): Assigner => ({
    name: NAME,
    version: LAYOUT,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({ version: LAYOUT, topics, userData: Buffer.from(JSON.stringify(owned())) }),
    }),
    assign: ({ members, topics }) => {
      const counts = topics.map((topic) => cluster.findTopicPartitionMetadata(topic).length);
      const claims = members.map(({ memberId, memberMetadata }) => ({ member: memberId, owned: claimOf(memberMetadata) }));
      return Promise.resolve(Array.from(assign(claims, Math.min(...counts)), ([memberId, partitions]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: LAYOUT,
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

/**
 * What a member says of itself: `[0, 2]`, the partitions that it has. A later version may say more, `{"owned": [0, 2], …}`: what
 * isn't known is passed over (A3).
 */
export function claimOf(metadata: Buffer): number[] {
  try {
    const said: unknown = JSON.parse(AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString() ?? '[]');
    const owned: unknown = typeof said === 'object' && said !== null && 'owned' in said ? said.owned : said;
    return Array.isArray(owned) ? owned.filter((partition: unknown) => typeof partition === 'number') : [];
  } catch {
    return []; // Another program's metadata: it owns nothing that we know of.
  }
}
