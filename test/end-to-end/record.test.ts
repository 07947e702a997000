// `record`: live from the exchange into a journal, over faults, kills and a full disk, judged by the exchange's ledger.

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeExchange, type FakeExchangeOptions } from '@fillstream/simulator/exchange';
import { assertNoStack, assertRefused, fillstream, folderFor, linesOf, mountFor, start, type Running } from './command.ts';
import { SEED } from './journals.ts';
import { until } from './until.ts';

type Totals = { readonly size: string; readonly notional: string; readonly closedPnl: string; readonly fees: object; readonly fillCount: number };

const ADDRESS = `0x${'ab'.repeat(20)}`;
const KILLS = 3;

async function startExchange(t: TestContext, options: Partial<FakeExchangeOptions> = {}): Promise<FakeExchange> {
  const exchange = await FakeExchange.start({ seed: `${String(SEED)}/${t.name}`, addresses: 3, ordersPerSecond: 20, ...options });
  t.after(async () => await exchange.close());
  return exchange;
}

function record(t: TestContext, exchange: FakeExchange, out: string, ...more: readonly string[]): Running {
  const running = start(['record', '--exchange', exchange.url, '--out', out, ...exchange.addresses.flatMap((address) => ['--address', address]), ...more]);
  t.after(async () => {
    running.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

/** Fills of the ledger that aren't in the journal; what is being written has no newline yet. */
function missing({ ledger }: FakeExchange, out: string): number {
  const written = new Set<string>();
  for (const line of readFileSync(out, 'utf8').split('\n').slice(0, -1)) {
    const { kind, address, data } = JSON.parse(line);
    if (kind === 'fill') written.add(`${address}/${data.oid}/${data.tid}`);
  }
  return ledger.fills().filter(({ address, data }) => !written.has(`${address}/${data.oid}/${data.tid}`)).length;
}

async function untilComplete(exchange: FakeExchange, out: string): Promise<void> {
  exchange.halt();
  await until(`no fill of seed ${String(SEED)} is missing`, () => missing(exchange, out) === 0, { everyMs: 100 });
}

async function assertFolds(exchange: FakeExchange, out: string): Promise<void> {
  const { code, stdout, stderr } = await fillstream(['run', '--journal', out]);
  assert.equal(code, 0, stderr);
  const latest = new Map<string, Totals>();
  for (const line of stdout.split('\n').slice(0, -1)) {
    const { id, size, notional, closedPnl, fees, fillCount } = JSON.parse(line);
    latest.set(id, { size, notional, closedPnl, fees, fillCount });
  }
  const expected = exchange.ledger.totals.orders().flatMap(({ address, oid, legs }) => Object.entries(legs).map(([leg, totals]): [string, Totals] => [`${address}/${oid}/${leg}`, totals]));
  assert.ok(expected.length > 20, `seed ${SEED}: the market was too quiet`);
  assert.deepEqual(Object.fromEntries([...latest].sort()), Object.fromEntries(expected.sort()), `seed ${SEED}`);
}

test('a run of the recording gives the totals of the ledger; it has account values first, and a tick for each second', async (t) => {
  const exchange = await startExchange(t);
  const out = join(folderFor(t), 'live.ndjson');
  const running = record(t, exchange, out);
  await running.heard(/: watched/);
  await sleep(4_000);
  exchange.fault('cut', { times: 2 });
  await sleep(2_000);
  await untilComplete(exchange, out);
  running.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /\d+ records written; the same command goes on from here/);
  await assertFolds(exchange, out);
  const records = linesOf(out).map((line) => JSON.parse(line));
  for (const address of exchange.addresses) assert.equal(records.find((each) => each.address === address).kind, 'account');
  const ticks = records.filter(({ kind }) => kind === 'tick').map(({ receivedAt }) => receivedAt);
  assert.ok(ticks.length >= 5 && ticks.every((at, place) => place === 0 || at - ticks[place - 1] >= 1_000), JSON.stringify(ticks));
});

test('killed again and again, and with its last line torn, the same command goes on and no fill is missing', async (t) => {
  const exchange = await startExchange(t);
  const out = join(folderFor(t), 'live.ndjson');
  for (let kill = 0; kill < KILLS; kill += 1) {
    const running = record(t, exchange, out);
    await running.heard(/: watched/);
    await sleep(500 + Math.random() * 1_500);
    running.kill('SIGKILL');
    await running.ended;
    appendFileSync(out, '{"kind":"fill","address":"0xa');
    await sleep(Math.random() * 1_000);
  }
  const before = readFileSync(out, 'utf8').split('\n').slice(0, -1);
  const last = record(t, exchange, out, '--for', '20s');
  await last.heard(/: watched/);
  await untilComplete(exchange, out);
  last.kill('SIGTERM');
  assert.equal((await last.ended).code, 0);
  assert.deepEqual(linesOf(out).slice(0, before.length), before);
  await assertFolds(exchange, out);
});

test('it ends by itself after a time; a journal without its last newline goes on', async (t) => {
  const exchange = await startExchange(t, { addresses: 1 });
  const out = join(folderFor(t), 'live.ndjson');
  const tick = '{"kind":"tick","receivedAt":1760000000000}';
  writeFileSync(out, tick);
  const { code, stderr } = await record(t, exchange, out, '--for', '2s').ended;
  assert.equal(code, 0, stderr);
  const lines = linesOf(out);
  assert.ok(lines.length > 2);
  assert.equal(lines[0], tick);
});

test('a full disk ends it with what was written whole; with room again the same command goes on', async (t) => {
  const exchange = await startExchange(t, { ordersPerSecond: 200 });
  const { folder, remount } = mountFor(t, 'size=256k');
  const out = join(folder, 'live.ndjson');
  const { code, stderr } = await record(t, exchange, out).ended;
  assert.equal(code, 1, stderr);
  assertNoStack(stderr);
  assert.match(stderr, /^fillstream: can't write .*live\.ndjson: no space is left on the disk$/m);
  assert.ok(linesOf(out).every((line) => JSON.parse(line).kind !== undefined));
  remount('size=256m');
  const running = record(t, exchange, out);
  await running.heard(/: watched/);
  await untilComplete(exchange, out);
  running.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  await assertFolds(exchange, out);
});

test('what is no journal, no file or packed is refused, and stays as it was', async (t) => {
  const folder = folderFor(t);
  const text = join(folder, 'notes.txt');
  const run = async (out: string) => await fillstream(['record', '--address', ADDRESS, '--exchange', 'http://127.0.0.1:1', '--out', out]);
  for (const content of ['some notes\n', '{"kind":"tick","receivedAt":1760000000000}\nnotes\n', '[1]\n{"kind":"tick"}\n', 'a line', 'two\nlines']) {
    writeFileSync(text, content);
    assertRefused(await run(text), 1, /notes\.txt is no journal: .* is no record; name another file/);
    assert.equal(readFileSync(text, 'utf8'), content);
  }
  assertRefused(await run(folder), 1, /can't write/);
  assertRefused(await run('/dev/null'), 1, /\/dev\/null is no file/);
  assertRefused(await run(join(folder, 'none', 'live.ndjson')), 1, /can't write .*no such file/);
  for (const name of ['live.ndjson.gz', 'live.ndjson.zst']) {
    assertRefused(await run(join(folder, name)), 2, /--out: expected a plain file/);
    assert.ok(!existsSync(join(folder, name)));
  }
  assertRefused(await fillstream(['record', '--address', ADDRESS]), 2, /--out/);
  assertRefused(await fillstream(['record', '--address', '0x12', '--out', text]), 2, /got 0x12/);
  assert.equal(statSync(text).size, 'two\nlines'.length);
});
