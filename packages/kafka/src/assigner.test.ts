import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { assign, claimOf, type Claim } from './assigner.ts';
import { saidBy } from './work-group.ts';

const { AssignerProtocol: { MemberMetadata } } = kafkajs;

/** Members with what they own, which nobody else does but now and then. */
const group = fc.record({
  partitions: fc.integer({ min: 1, max: 40 }),
  members: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 9 }),
}).chain(({ partitions, members }) => fc.record({
  partitions: fc.constant(partitions),
  claims: fc.tuple(...members.map((member) => fc.record({
    member: fc.constant(member), owned: fc.uniqueArray(fc.integer({ min: 0, max: partitions + 2 }), { maxLength: partitions }),
  }))),
}));

test('each partition goes to one member, and the counts differ by at most one', () => {
  fc.assert(fc.property(group, ({ partitions, claims }) => {
    const shares = [...assign(claims, partitions).values()];
    assert.deepEqual(shares.flat().sort((a, b) => a - b), Array.from({ length: partitions }, (_, partition) => partition));
    const counts = shares.map(({ length }) => length);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
  }));
});

test('an assignment that is fair already stays as it is, and one that is not moves no more than it must', () => {
  fc.assert(fc.property(group, ({ partitions, claims }) => {
    const before = assign(claims, partitions);
    const settled: Claim[] = Array.from(before, ([member, owned]) => ({ member, owned }));
    assert.deepEqual(assign(settled, partitions), before);
    const joined = assign([...settled, { member: 'a new member', owned: [] }], partitions);
    const moved = settled.flatMap(({ member, owned }) => owned.filter((partition) => joined.get(member)?.includes(partition) !== true));
    assert.equal(moved.length, joined.get('a new member')?.length);
  }));
});

function metadataWith(userData: string): Buffer {
  return MemberMetadata.encode({ version: 0, topics: ['fills'], userData: Buffer.from(userData) });
}

test('A3, G4: what a later version says of itself is read as far as it is known, and what is no claim claims nothing', () => {
  const claims = ['[0,2]', '{"owned":[0,2],"more":1}', '[0,2,{"more":1}]', '{"more":1}', 'null', 'no JSON', ''];
  assert.deepEqual(claims.map((text) => claimOf(metadataWith(text))), [[0, 2], [0, 2], [0, 2], [], [], [], []]);
  assert.deepEqual(claimOf(Buffer.alloc(0)), []);
  const said = ['["name","claim"]', '["name","claim",{"more":1}]', '["name"]', '{}', 'no JSON'];
  assert.deepEqual(said.map((text) => saidBy(metadataWith(text))?.slice(0, 2) ?? null), [['name', 'claim'], ['name', 'claim'], null, null, null]);
});
