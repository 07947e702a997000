import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf, routeOf, shortAddress, typedRoute, type Route } from './route.ts';

const address = `0x${'ab'.repeat(20)}`;
const ROUTES: readonly Route[] = [
  { kind: 'live' },
  { kind: 'addresses' },
  { kind: 'address', address },
  { kind: 'order', address, oid: 9007199254740991 },
  { kind: 'health' },
  { kind: 'quarantine' },
];

test('every page has an address that leads back to it', () => {
  for (const route of ROUTES) assert.deepEqual(routeOf(pathOf(route)), route);
});

test('what is no page is told as it was asked for', () => {
  for (const path of [
    '/nothing',
    '/address/0x12',
    `/order/${address}`,
    `/order/${address}/x`,
    `/order/${address}/9007199254740993`,
    '/health/1',
    `/order/${address}/1/2`,
  ]) {
    assert.deepEqual(routeOf(path), { kind: 'unknown', path });
  }
});

test('a pasted address, order or signal id leads to its page', () => {
  assert.deepEqual(typedRoute(` ${address.toUpperCase().replace('0X', '0x')} `), { kind: 'address', address });
  assert.deepEqual(typedRoute(`${address}/77/open-long`), { kind: 'order', address, oid: 77 });
  assert.equal(typedRoute('hello'), null);
});

test('a short address keeps both ends', () => {
  assert.equal(shortAddress(address), '0xabab…abab');
});
