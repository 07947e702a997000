// The examples in TypeScript as they are run by hand: processes, against a real gateway.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Signal } from '@fillstream/client';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { signatureOf } from '@fillstream/gateway/webhooks/sender';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { ROOT, folderFor, hearing } from './command.ts';
import { gatewayFor, sortedNames } from './client-gateway.ts';

const EXAMPLES = join(ROOT, 'examples/typescript');
const FLAGS = ['--disable-warning=ExperimentalWarning'];
const LIMIT_MS = 120_000;

/** What it printed; it has to end well. */
async function run(name: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [...FLAGS, join(EXAMPLES, name), ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, stderr);
  return stdout;
}

function linesOf(text: string): Record<string, unknown>[] {
  return text.trimEnd().split('\n').map((line) => JSON.parse(line));
}

const LEADER = testAddress(1);

/** Of one order; sizes and notionals are totals. */
function order(oid: number, part: Partial<Signal>): Signal {
  return testSignal({ address: LEADER, oid, coin: 'BTC', symbol: 'BTC', firstFillAt: 1_700_000_000_000 + oid, lastFillAt: 1_700_000_000_000 + oid, ...part });
}

test('copy-trade opens with the same share, trades what a revision adds, and closes the share that was closed', async (t) => {
  const { url, source } = await gatewayFor(t);
  source.append([
    // 10% of their account: 1,000 of our 10,000, at 100,000.
    order(1, { size: '2', notional: '200000', price: '100000', positionRate: '10', fillCount: 1 }),
    // Half as much again, at 110,000: 550 more.
    order(1, { revision: 2, size: '3', notional: '310000', price: '103333.333333333333333333', positionRate: '15.5', fillCount: 2 }),
    // A third closed at 120,000, then all of it.
    order(2, { direction: 'close', id: `${LEADER}/2/close-long`, size: '1', notional: '120000', price: '120000', closeRate: '0.333333', positionRate: '6', fillCount: 1 }),
    order(3, { direction: 'close', id: `${LEADER}/3/close-long`, size: '2', notional: '240000', price: '120000', closeRate: '1', positionRate: '12', fillCount: 1 }),
    // The account's value isn't known: nothing to go by.
    order(4, { size: '1', notional: '1', price: '1', positionRate: null, fillCount: 1 }),
    // A short of 1% stays, and is worth less than it was sold for.
    order(5, { side: 'SHORT', id: `${LEADER}/5/open-short`, size: '10', notional: '1000000', price: '100000', positionRate: '1', fillCount: 1 }),
    order(6, { side: 'SHORT', id: `${LEADER}/6/open-short`, size: '1', notional: '90000', price: '90000', positionRate: null, fillCount: 1 }),
    testSignal({ address: testAddress(2), positionRate: '50' }),
  ]);
  const told = linesOf(await run('copy-trade.ts', ['--url', url, '--address', LEADER, '--from', 'earliest', '--until-live']));
  const trades = told.slice(0, -1).map(({ direction, side, size, price, revision }) => [direction, side, size, price, revision]);
  assert.deepEqual(trades, [
    ['open', 'LONG', '0.01', '100000', 1], ['open', 'LONG', '0.005', '110000', 2],
    ['close', 'LONG', '0.00499999', '120000', 1], ['close', 'LONG', '0.01000001', '120000', 1],
    ['open', 'SHORT', '0.001025', '100000', 1],
  ]);
  // 10,000 − 1,000 − 550 + 1,800 = 10,250, and 102.5 for the short, which would now cost 92.25.
  assert.deepEqual(told.at(-1), {
    equity: '10260.25', cash: '10352.5', holdings: [{ address: LEADER, coin: 'BTC', side: 'SHORT', size: '0.001025', price: '90000' }],
  });
});

async function checkExports(t: TestContext, name: string, ending: string, read: (file: string) => Promise<Signal[]>): Promise<void> {
  const { url, source } = await gatewayFor(t);
  const folder = folderFor(t);
  const odd = { symbol: 'A "quoted", GÖLD\r\n', coin: 'xyz:GÖLD', fees: { HYPE: '-0.1', USDC: '12345678901234567890.000000000000000001' } };
  const first = [testSignal(), testSignal({ ...odd, positionRate: null, cloid: '0x01', twapId: 7, oid: 2 ** 53 - 1 })];
  const second = [testSignal(), testSignal({ complete: false, orderStatus: null })];
  source.append(first);
  assert.match(await run(name, ['--url', url, '--folder', folder]), /signals-000001\.\w+: 2 signals/);
  assert.match(await run(name, ['--url', url, '--folder', folder]), /no new signals/);
  source.append(second);
  assert.match(await run(name, ['--url', url, '--folder', folder]), /signals-000002\.\w+: 2 signals/);
  assert.deepEqual(readdirSync(folder).sort(), ['cursor.json', `signals-000001.${ending}`, `signals-000002.${ending}`]);
  for (const [number, expected] of [[1, first], [2, second]] as const) {
    const found = await read(join(folder, `signals-00000${String(number)}.${ending}`));
    assert.deepEqual(sortedNames(found), sortedNames(expected));
    for (const signal of expected) assert.deepEqual(found.find(({ id }) => id === signal.id), signal);
  }
}

/** RFC 4180, back into signals. */
function csvRows(text: string): Signal[] {
  const fields = Array.from(text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n)/g), ([, field = '', end]) => (
    { value: field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field, isLast: end === '\r\n' }
  ));
  const rows: string[][] = [[]];
  for (const { value, isLast } of fields) {
    rows.at(-1)?.push(value);
    if (isLast) rows.push([]);
  }
  const [head = [], ...body] = rows.slice(0, -1);
  const numbers = ['revision', 'oid', 'fillCount', 'firstFillAt', 'lastFillAt', 'twapId'];
  const valueOf = (name: string, value: string): unknown => {
    if (['complete', 'reversal'].includes(name)) return value === 'true';
    if (name === 'fees') return JSON.parse(value);
    if (value === '') return null;
    return numbers.includes(name) ? Number(value) : value;
  };
  return body.map((row) => Object.fromEntries(row.map((value, place) => [head[place] ?? '', valueOf(head[place] ?? '', value)])) as Signal);
}

test('to-csv writes each signal once, a file a run, and goes on where it ended', async (t) => {
  await checkExports(t, 'to-csv.ts', 'csv', async (file) => await Promise.resolve(csvRows(readFileSync(file, 'utf8'))));
});

test('to-parquet does the same, and amounts stay text', async (t) => {
  await checkExports(t, 'to-parquet.ts', 'parquet', async (file) => {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
    return rows.map((row) => ({
      ...row, oid: Number(row['oid']), twapId: row['twapId'] === null ? null : Number(row['twapId']),
      firstFillAt: Number(row['firstFillAt']), lastFillAt: Number(row['lastFillAt']),
    }) as unknown as Signal);
  });
});

test('to-csv that is stopped keeps what it has, and the next run goes on from there', async (t) => {
  const { url, source } = await gatewayFor(t);
  const folder = folderFor(t);
  source.append([testSignal(), testSignal()]);
  const child = spawn(process.execPath, [...FLAGS, join(EXAMPLES, 'to-csv.ts'), '--url', url, '--folder', folder, '--follow'], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT_MS });
  const part = join(folder, 'signals-000001.csv.part');
  while (!existsSync(part) || readFileSync(part, 'utf8').split('\r\n').length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGTERM');
  assert.equal((await once(child, 'close'))[0], 0);
  source.append([testSignal()]);
  assert.match(await run('to-csv.ts', ['--url', url, '--folder', folder]), /signals-000002\.csv: 1 signals/);
});

test('alert-webhook prints what is signed, each revision once, and refuses the rest', async (t) => {
  const secret = 'whsec_of_a_test';
  const env = { ...process.env, WEBHOOK_SECRET: secret };
  const child = spawn(process.execPath, [...FLAGS, join(EXAMPLES, 'alert-webhook.ts'), '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'], env, timeout: LIMIT_MS });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  const url = await hearing(child.stderr)(/listens on (\S+)/);
  const post = async (signal: Signal, { key = secret, at = Date.now() } = {}): Promise<number> => {
    const body = JSON.stringify(signal);
    const headers = { 'fillstream-timestamp': String(at), 'fillstream-signature': signatureOf(key, String(at), body) };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  const signal = testSignal({ address: LEADER, oid: 9, cause: 'liquidation' });
  const revised = { ...signal, revision: 2, size: '0.75' };
  const statuses = [];
  for (const each of [signal, signal, revised, signal, revised]) statuses.push(await post(each));
  assert.deepEqual(statuses, [204, 204, 204, 204, 204]);
  assert.deepEqual([await post(signal, { key: 'another' }), await post(signal, { at: Date.now() - 600_000 }), (await fetch(url)).status], [401, 401, 405]);
  child.kill('SIGTERM');
  await once(child, 'close');
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    `${LEADER} open LONG 0.5 BTC at 100001 ($50000.5) by liquidation`, `${LEADER} open LONG 0.75 BTC at 100001 ($50000.5) by liquidation, revision 2`,
  ]);
});
