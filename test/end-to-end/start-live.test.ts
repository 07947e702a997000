// `start --address`: from the exchange's sockets to signals, over faults and kills, against the exchange's own ledger.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { FakeExchange } from '@fillstream/simulator/exchange';
import { assertRefused, fillstream, folderFor, start, type Running } from './command.ts';
import { filledOids } from './ingestor.ts';
import { SEED } from './journals.ts';

/** The latest revision of a signal. */
type Told = { readonly revision: number; readonly totals: Totals };
type Totals = { readonly size: string; readonly notional: string; readonly closedPnl: string; readonly fees: object; readonly fillCount: number };

const KILLS = 3;
/** Every order ends soon, whatever became of its status. */
const SETTINGS = ['--set', 'timeoutMs=3s', '--set', 'graceMs=1s', '--set', 'quietMs=1s'];
const LONGEST_WAIT_MS = 6_000;
/** An order without an update, whose fills are lost too, can't be missed by anybody. */
const TOLD = { statusMissing: 0 };

test('over cuts, silence, rubbish and kills, the totals of every order are those of the exchange', async (t) => {
  const exchange = await FakeExchange.start({ seed: SEED, addresses: 4, ordersPerSecond: 15 });
  t.after(async () => {
    await exchange.close();
  });
  const folder = join(folderFor(t), 'data');
  const signals = new Map<string, Told>();
  const run = (): Running => start(['start', '--no-gateway', '--exchange', exchange.url, '--data', folder, ...SETTINGS, ...exchange.addresses.flatMap((address) => ['--address', address])]);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const running = run();
    await running.heard(/watched/);
    for (const fault of ['cut', 'truncate', 'rubbish', 'rest-500', 'duplicate'] as const) {
      await sleep(300 + Math.random() * 300);
      exchange.fault(fault, { times: 2 });
    }
    running.kill('SIGKILL');
    collect(signals, (await running.ended).stdout);
  }
  const last = run();
  await last.heard(/watched/);
  exchange.clearFaults();
  exchange.halt();
  await sleep(LONGEST_WAIT_MS * 2);
  last.kill('SIGTERM');
  const { code, stdout, stderr } = await last.ended;
  assert.equal(code, 0, stderr);
  collect(signals, stdout);
  assertTotals(signals, exchange);
  assert.deepEqual(Object.values(exchange.violations).filter((each) => typeof each === 'number' && each > 0), []);
});

test('fills that the socket never told of are asked for, and change the totals to what they are', async (t) => {
  const exchange = await FakeExchange.start({ seed: SEED + 1, addresses: 2, ordersPerSecond: 10, shares: TOLD });
  t.after(async () => {
    await exchange.close();
  });
  const data = join(folderFor(t), 'data');
  const addresses = exchange.addresses.flatMap((address) => ['--address', address]);
  const running = start(['start', '--exchange', exchange.url, '--data', data, ...SETTINGS, ...addresses]);
  await running.heard(/watched(?:.|\n)*watched/);
  const fault = exchange.fault('lose', { how: 'userFills', times: 20 });
  while (fault.hits < 20 || filledOids(exchange).size < 80) await sleep(50);
  exchange.halt();
  await sleep(LONGEST_WAIT_MS * 2);
  running.kill('SIGTERM');
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /records fetched \(asked\)/);
  const signals = new Map<string, Told>();
  collect(signals, stdout);
  assertTotals(signals, exchange, filledOids(exchange));
});

/** Of all orders, or of those named. */
function assertTotals(signals: ReadonlyMap<string, Told>, { ledger }: FakeExchange, oids?: ReadonlySet<number>): void {
  const orders = ledger.totals.orders().filter(({ oid }) => oids?.has(oid) !== false);
  const expected = Object.fromEntries(orders.flatMap(({ address, oid, legs }) => Object.entries(legs).map(([leg, totals]) => [`${address}/${String(oid)}/${leg}`, totals])));
  assert.ok(Object.keys(expected).length > 50, `seed ${String(SEED)}: the market was too quiet`);
  const told = new Map([...signals].filter(([id]) => oids?.has(Number(id.split('/')[1])) !== false));
  const wrong = [...new Set([...told.keys(), ...Object.keys(expected)])].filter((id) => !isDeepStrictEqual(told.get(id)?.totals, expected[id]));
  assert.deepEqual(wrong.map((id) => ({ id, told: told.get(id), expected: expected[id] })), [], `seed ${String(SEED)}`);
}

/** The latest revision of each id: what a kill came in between is shown again. */
function collect(signals: Map<string, Told>, stdout: string): void {
  for (const line of stdout.split('\n').slice(0, -1)) {
    const { id, revision, size, notional, closedPnl, fees, fillCount }: Totals & { readonly id: string; readonly revision: number } = JSON.parse(line);
    if (revision >= (signals.get(id)?.revision ?? 0)) signals.set(id, { revision, totals: { size, notional, closedPnl, fees, fillCount } });
  }
}

test('addresses that are none, too many of them, and a testnet without any are refused', async () => {
  const address = `0x${'ab'.repeat(20)}`;
  assertRefused(await fillstream(['start', '--address', '0x12']), 2, /--address: expected 0x and 40 hex digits, got 0x12/);
  assertRefused(await fillstream(['start', ...Array.from({ length: 11 }, (_, place) => ['--address', `0x${String(place).padStart(40, '0')}`]).flat()]), 2, /at most 10/);
  assertRefused(await fillstream(['start', '--testnet']), 2, /expected an --address/);
  assertRefused(await fillstream(['start', '--address', address, '--journal', 'x']), 2, /expected one of them/);
  assertRefused(await fillstream(['start', '--address', address, '--exchange', 'nowhere']), 2, /--exchange: expected/);
});
