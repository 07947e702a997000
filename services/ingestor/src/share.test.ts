// Sharing addresses, by properties: invariants S1 to S3.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { share, type Member } from './share.ts';

const address = fc.integer({ min: 0, max: 30 }).map((number) => `a${String(number)}`);
const addresses = fc.uniqueArray(address, { maxLength: 31 });
/** Several may believe that they watch the same. */
const members: fc.Arbitrary<Member[]> = fc.uniqueArray(fc.record({
  name: fc.integer({ min: 0, max: 9 }).map(String), capacity: fc.integer({ min: 0, max: 10 }), watching: fc.array(address, { maxLength: 12 }),
}), { selector: ({ name }) => name, maxLength: 6 });

test('nobody gets more than it can watch, and no address goes to two', () => {
  fc.assert(fc.property(addresses, members, (wanted, all) => {
    const { shares, left } = share(wanted, all);
    for (const { name, capacity } of all) assert.ok((shares.get(name)?.length ?? Infinity) <= capacity);
    assert.deepEqual([...[...shares.values()].flat(), ...left].sort(), wanted.toSorted());
  }));
});

test('an address is left over only when all are full', () => {
  fc.assert(fc.property(addresses, members, (wanted, all) => {
    const room = all.reduce((sum, { capacity }) => sum + capacity, 0);
    assert.equal(share(wanted, all).left.length, Math.max(0, wanted.length - room));
  }));
});

test('nothing moves that needn\'t: each keeps what it alone watches, up to what it can', () => {
  fc.assert(fc.property(addresses, members, (wanted, all) => {
    const { shares } = share(wanted, all);
    for (const { name, capacity, watching } of all) {
      const own = new Set(watching.filter((each) => wanted.includes(each) && all.every((other) => other.name === name || !other.watching.includes(each))));
      const kept = (shares.get(name) ?? []).filter((each) => own.has(each)).length;
      assert.equal(kept, Math.min(own.size, capacity));
    }
  }));
});

test('sharing what was just shared changes nothing', () => {
  fc.assert(fc.property(addresses, members, (wanted, all) => {
    const first = share(wanted, all);
    const again = share(wanted, all.map((member) => ({ ...member, watching: first.shares.get(member.name) ?? [] })));
    assert.deepEqual(again, first);
  }));
});

test('the order in which members and addresses are told doesn\'t matter', () => {
  fc.assert(fc.property(addresses, members, (wanted, all) => {
    const [one, other] = [share(wanted, all), share(wanted.toReversed(), all.toReversed())];
    assert.deepEqual([...other.shares].sort(), [...one.shares].sort());
    assert.deepEqual(other.left, one.left);
  }));
});

test('what is new goes where the fewest are', () => {
  const all = [{ name: 'a', capacity: 10, watching: ['1', '2', '3'] }, { name: 'b', capacity: 10, watching: [] }];
  assert.deepEqual([...share(['1', '2', '3', '4', '5', '6', '7'], all).shares], [['a', ['1', '2', '3', '7']], ['b', ['4', '5', '6']]]);
});
