import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPublic, publicLookup } from './public-address.ts';

const PRIVATE = [
  '127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1', '100.127.255.255',
  '192.0.0.8', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255',
  '::1', '::', 'fe80::1', 'fc00::1', 'fd12:3456::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '64:ff9b::7f00:1', '64:ff9b:1::1',
  '2002:7f00:1::', '2001::1', '2001:db8::1', '100::1', '3fff::1', '::127.0.0.1',
];
const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '192.167.1.1', '223.255.255.255', '2606:4700::1111', '2a00:1450::1'];

for (const address of PRIVATE) {
  test(`${address} isn't public`, () => {
    assert.equal(isPublic(address), false);
  });
}

test('addresses of the internet are public, and what is none isn\'t', () => {
  assert.deepEqual(PUBLIC.filter((address) => !isPublic(address)), []);
  assert.deepEqual(['', 'example.org', '8.8.8', '8.8.8.8.8', '08.8.8.8'].filter(isPublic), []);
});

test('a name that only stands for private addresses isn\'t found', async () => {
  for (const all of [true, false]) {
    const error = await new Promise((resolve) => publicLookup('localhost', { all }, resolve));
    assert.ok(error instanceof Error && 'code' in error && error.code === 'NOT_PUBLIC');
  }
});
