// `backfill`: the past of addresses by REST, judged by the exchange's ledger; into journals, and onto a real Kafka.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { readTopic, unframed } from '@fillstream/kafka';
import { decodeGap, decodeIngestProgress } from '@fillstream/schemas';
import { FakeExchange, type FakeExchangeOptions } from '@fillstream/simulator/exchange';
import { Installation, NO_ANOMALIES, SESSION_MS, anomalies, serversOfTests } from './cluster.ts';
import { assertRefused, fillstream, folderFor, linesOf, mountFor, start, type Ended } from './command.ts';
import { SEED, writeLines } from './journals.ts';

type Totals = { readonly size: string; readonly notional: string; readonly closedPnl: string; readonly fees: object; readonly fillCount: number };
type Span = { readonly from?: number; readonly to?: number };

const ADDRESS = `0x${'ab'.repeat(20)}`;
const PATIENCE_MS = 90_000;
/** The client of Kafka sets timers in the past. */
/** No timer comes between the fills of an order: signals are the same on any number of partitions. */
const SETTINGS = ['--set', 'graceMs=1h', '--set', 'quietMs=1h', '--set', 'timeoutMs=1h'];

/** An exchange whose market has ended just now, unless it goes on. */
async function startExchange(t: TestContext, { goesOn = false, ...options }: Partial<FakeExchangeOptions> & { readonly goesOn?: boolean } = {}): Promise<FakeExchange> {
  const exchange = await FakeExchange.start({
    seed: `${String(SEED)}/${t.name}`, addresses: 2, pastOrders: 800, ordersPerSecond: 20, limits: { weightPerMinute: 100_000 }, ...options, shares: { statusMissing: 0.2, ...options.shares },
  });
  t.after(async () => await exchange.close());
  if (!goesOn) exchange.halt();
  return exchange;
}

function flagsOf(exchange: FakeExchange, addresses = exchange.addresses): string[] {
  return ['backfill', '--exchange', exchange.url, ...addresses.flatMap((address) => ['--address', address])];
}

function beganAt({ ledger }: FakeExchange): number {
  return ledger.fills().reduce((least, { data }) => Math.min(least, data.time), Infinity);
}

/** The signals of everything that the ledger has of fills and orders, by time, fills first. */
async function foldOf(t: TestContext, { ledger }: FakeExchange, { from = 0, to = Infinity }: Span = {}, addresses?: readonly string[]): Promise<string[]> {
  const journal = join(folderFor(t), 'ledger.ndjson');
  const records = ledger.records.filter(({ kind, receivedAt }) => kind !== 'account' && receivedAt >= from && receivedAt <= to)
    .filter((record) => record.kind !== 'tick' && addresses?.includes(record.address) !== false);
  const kindOf = ({ kind }: { readonly kind: string }): number => (kind === 'fill' ? 0 : 1);
  writeLines(journal, records.toSorted((a, b) => a.receivedAt - b.receivedAt || kindOf(a) - kindOf(b)).map((record) => JSON.stringify(record)));
  return await signalsOf(journal);
}

async function signalsOf(journal: string): Promise<string[]> {
  const { code, stdout, stderr } = await fillstream(['run', '--journal', journal, ...SETTINGS]);
  assert.equal(code, 0, stderr);
  return stdout.split('\n').slice(0, -1);
}

/** Byte for byte; those of two addresses in one millisecond may change places. */
function assertSame(signals: readonly string[], expected: readonly string[]): void {
  assert.deepEqual(anomalies(signals, expected), NO_ANOMALIES, `seed ${SEED}`);
}

function assertTotals(signals: readonly string[], exchange: FakeExchange): void {
  const expected = expectedOf(exchange);
  assert.ok(Object.keys(expected).length > 50, `seed ${SEED}: the market was too quiet`);
  assert.deepEqual(totalsOf(signals), expected, `seed ${SEED}`);
}

/** Of the latest revisions, by id. */
function totalsOf(signals: readonly string[]): Record<string, Totals> {
  const latest = new Map<string, { readonly revision: number; readonly totals: Totals }>();
  for (const line of signals) {
    const { id, revision, size, notional, closedPnl, fees, fillCount } = JSON.parse(line);
    if (revision > (latest.get(id)?.revision ?? 0)) latest.set(id, { revision, totals: { size, notional, closedPnl, fees, fillCount } });
  }
  return Object.fromEntries(Array.from(latest, ([id, { totals }]): [string, Totals] => [id, totals]).sort());
}

function expectedOf({ ledger }: FakeExchange): Record<string, Totals> {
  return Object.fromEntries(ledger.totals.orders().flatMap(({ address, oid, legs }) => (
    Object.entries(legs).map(([leg, totals]): [string, Totals] => [`${address}/${oid}/${leg}`, totals])
  )).sort());
}

function assertWithinLimits(exchange: FakeExchange): void {
  for (const { over } of exchange.violations) assert.deepEqual(Object.entries(over).filter(([, times]) => times > 0), []);
}

async function backfill(exchange: FakeExchange, ...more: readonly string[]): Promise<Ended> {
  return await fillstream([...flagsOf(exchange), '--from', String(beganAt(exchange)), ...more]);
}

suite('into a journal', { concurrency: 2 }, () => {
  test('a run of it gives the signals of the ledger, and another backfill of the span the same bytes, packed too', async (t) => {
    const exchange = await startExchange(t);
    const folder = folderFor(t);
    const [plain, gzip, zstd] = ['past.ndjson', 'past.ndjson.gz', 'past.ndjson.zst'].map((name) => join(folder, name)) as [string, string, string];
    const to = String(Date.now());
    const { code, stderr } = await backfill(exchange, '--to', to, '--out', plain);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /account values of the past can't be had/);
    assert.match(stderr, /fills and the ends of \d+ orders are in /);
    const signals = await signalsOf(plain);
    assertSame(signals, await foldOf(t, exchange));
    assertTotals(signals, exchange);
    assert.ok(signals.filter((line) => JSON.parse(line).trigger === 'complete').length > signals.length / 2);
    for (const path of [gzip, zstd]) assert.equal((await backfill(exchange, '--to', to, '--out', path)).code, 0);
    assert.deepEqual(gunzipSync(readFileSync(gzip)), readFileSync(plain));
    assert.deepEqual(zstdDecompressSync(readFileSync(zstd)), readFileSync(plain));
    assert.deepEqual(readdirSync(folder).sort(), ['past.ndjson', 'past.ndjson.gz', 'past.ndjson.zst']);
    const last = JSON.parse(linesOf(plain).at(-1) ?? '');
    assert.deepEqual(last, { kind: 'tick', receivedAt: Number(to) });
  });

  test('a span has what happened in it, the ends of its orders too, and nothing else', async (t) => {
    const exchange = await startExchange(t);
    const fills = exchange.ledger.fills();
    const [from, to] = [fills[Math.floor(fills.length / 3)]?.data.time ?? 0, fills[Math.floor(fills.length / 2)]?.data.time ?? 0];
    const out = join(folderFor(t), 'past.ndjson');
    const address = exchange.addresses[1] ?? '';
    const { code, stderr } = await fillstream([...flagsOf(exchange, [address.toUpperCase().replace('X', 'x'), address]), '--from', new Date(from).toISOString(), '--to', String(to), '--out', out]);
    assert.equal(code, 0, stderr);
    const written = linesOf(out).map((line) => JSON.parse(line));
    const expected = fills.filter(({ address: whose, data: { time } }) => whose === address && time >= from && time <= to);
    assert.deepEqual(written.filter(({ kind }) => kind === 'fill').map(({ data }) => data), expected.map(({ data }) => data));
    assert.ok(written.every(({ receivedAt }) => receivedAt >= from && receivedAt <= to));
    const [signals, folded] = [await signalsOf(out), await foldOf(t, exchange, { from, to }, [address])];
    assertSame(signals, folded);
    assert.ok(signals.join('\n') === folded.join('\n'), 'of one address they stand in the same order');
  });

  test('what lies before the last 10,000 fills is told, with the time from which there is data', async (t) => {
    const exchange = await startExchange(t, { addresses: 1, pastOrders: 9_000, ordersPerSecond: 100, limits: {} });
    const fills = exchange.ledger.fills();
    assert.ok(fills.length > 11_000, `seed ${SEED}: ${fills.length} fills`);
    const out = join(folderFor(t), 'past.ndjson');
    const { code, stderr } = await backfill(exchange, '--statuses', '0', '--out', out);
    assert.equal(code, 0, stderr);
    const since = fills.at(-10_000)?.data.time ?? 0;
    assert.ok(stderr.includes(`A GAP from ${new Date(beganAt(exchange)).toISOString()} to ${new Date(since).toISOString()}: only the last 10000 fills can be asked for; THERE IS DATA FROM ${new Date(since).toISOString()} ON`), stderr);
    assert.match(stderr, /more weren't asked for: --statuses all/);
    assert.equal(linesOf(out).filter((line) => line.startsWith('{"kind":"fill"')).length, 10_000);
    assertWithinLimits(exchange);
  });

  test('requests that fail, hang on or lie are asked again, and nothing is missing', async (t) => {
    const exchange = await startExchange(t, { pastOrders: 200 });
    for (const kind of ['rest-500', 'rest-truncated', 'rest-invalid', 'rest-empty'] as const) exchange.fault(kind, { request: 'userFillsByTime' });
    exchange.fault('rest-500', { request: 'orderStatus', times: 3 });
    exchange.fault('rest-empty', { request: 'historicalOrders', times: 2 });
    exchange.fault('rest-hang', { request: 'spotMeta', forMs: 500 });
    const out = join(folderFor(t), 'past.ndjson');
    const { code, stderr } = await backfill(exchange, '--out', out);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /userFillsByTime: status 500 \(attempt 1\)/);
    assertSame(await signalsOf(out), await foldOf(t, exchange));
  });

  test('stopped while the exchange says nothing, it ends at once, leaves nothing behind and an older journal as it was', async (t) => {
    const exchange = await startExchange(t, { pastOrders: 50 });
    exchange.fault('rest-hang', { request: 'userFillsByTime', times: 1_000 });
    const [folder, temporary] = [folderFor(t), folderFor(t)];
    const out = join(folder, 'past.ndjson');
    writeFileSync(out, 'older\n');
    const running = start([...flagsOf(exchange), '--from', String(beganAt(exchange)), '--out', out], { env: { TMPDIR: temporary } });
    while (readdirSync(temporary).length === 0) await sleep(20);
    running.kill('SIGINT');
    const { code, stderr } = await running.ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^fillstream: interrupted: nothing was written$/m);
    assert.deepEqual([readdirSync(temporary), readdirSync(folder), readFileSync(out, 'utf8')], [[], ['past.ndjson'], 'older\n']);
  });

  test('a full disk, a folder that isn\'t there and an exchange that refuses are told in one line', async (t) => {
    const exchange = await startExchange(t, { pastOrders: 400 });
    const { folder } = mountFor(t, 'size=16k');
    const full = await backfill(exchange, '--out', join(folder, 'past.ndjson'));
    assert.equal(full.code, 1);
    assert.match(full.stderr, /^fillstream: can't write .*past\.ndjson: no space is left on the disk$/m);
    assert.ok(!existsSync(join(folder, 'past.ndjson')) && readdirSync(folder).length === 0);
    assertRefused(await backfill(exchange, '--out', join(folder, 'none', 'past.ndjson')), 1, /can't write .*no such file/);
    const server = createServer((_, response) => response.writeHead(403).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const refused = await fillstream(['backfill', '--address', ADDRESS, '--from', '2026-01-01', '--exchange', `http://127.0.0.1:${port}`, '--out', '-']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^fillstream: the exchange gave no answer that is one: (?:spotMeta|meta): status 403$/m);
  });
});

const BAD_USAGE: readonly (readonly [args: string, says: RegExp])[] = [
  ['--from 2026-01-01', /--address/],
  [`--address ${ADDRESS}`, /--from/],
  ['--address 0x12 --from 2026-01-01 --out x', /--address: expected 0x and 40 hex digits, got 0x12/],
  [`--address ${ADDRESS} --from yesterday`, /Expected a time such as/],
  [`--address ${ADDRESS} --from 1700000000`, /Expected a time such as/],
  [`--address ${ADDRESS} --from 2026-13-01`, /Expected a time such as/],
  [`--address ${ADDRESS} --from 2026-01-02 --to 2026-01-01 --out x`, /--from and --to: expected a time before the other/],
  [`--address ${ADDRESS} --from 2026-01-02 --to 2199-01-01 --out x`, /--from and --to: .*neither of them ahead/],
  [`--address ${ADDRESS} --from 2026-01-02 --statuses some`, /Expected a whole number, or all/],
  [`--address ${ADDRESS} --from 2026-01-02 --weight 2000 --out x`, /--weight: expected 120 to 1200/],
  [`--address ${ADDRESS} --from 2026-01-02 --finish --out x`, /--finish.*--out|--out.*--finish/],
  [`--address ${ADDRESS} --from 2026-01-02 --finish`, /--finish: expected a --namespace of its own/],
  [`--address ${ADDRESS} --from 2026-01-02 --testnet --exchange http://127.0.0.1:1 --out x`, /--testnet and --exchange: expected one of them/],
];

for (const [args, says] of BAD_USAGE) {
  test(`bad usage of backfill is told: ${args}`, async () => {
    assertRefused(await fillstream(['backfill', ...args.split(' ')]), 2, says);
  });
}

suite('onto Kafka', { concurrency: 1 }, () => {
  const held = serversOfTests();

  const kafkaFlags = (namespace: string): string[] => [
    '--kafka', held().kafka.bootstrap, '--registry', held().registry.url, ...(namespace === '' ? [] : ['--namespace', namespace]),
  ];

  async function processed(installation: Installation): Promise<string[]> {
    const processor = installation.processor(...SETTINGS);
    await installation.drained(processor);
    processor.kill('SIGTERM');
    const { code, stderr } = await processor.ended;
    assert.equal(code, 0, stderr);
    return await installation.signals();
  }

  test('a namespace of its own has the signals of the ledger; interrupted and done again, nothing but duplicates', async (t) => {
    const exchange = await startExchange(t, { addresses: 6 });
    const installation = new Installation(held(), 'past');
    await installation.createTopics(3);
    const flags = [...kafkaFlags('past'), '--to', String(Date.now()), '--finish', ...SETTINGS];
    const interrupted = start([...flagsOf(exchange), '--from', String(beganAt(exchange)), ...flags]);
    for (const address of exchange.addresses) await interrupted.heard(new RegExp(`${address}: \\d+ fills`));
    interrupted.kill('SIGINT');
    const first = await interrupted.ended;
    t.diagnostic(`the interrupted one ended with ${first.code}`); // 0 when it was done before.
    if (first.code !== 0) assert.equal(first.code, 130, first.stderr);
    if (first.code !== 0) assert.match(first.stderr, /interrupted: a part is on the topics; done again/);
    const { code, stderr } = await backfill(exchange, ...flags);
    assert.equal(code, 0, stderr);
    const signals = await processed(installation);
    assertSame(signals, await foldOf(t, exchange));
    assertTotals(signals, exchange);
    assert.equal((await backfill(exchange, ...flags)).code, 0);
    assertSame(await processed(installation), signals);
    assert.deepEqual(await installation.quarantine(), []);
  });

  test('an ingestor that watches the addresses later goes on where their backfill ended, and nothing is missing', async (t) => {
    const exchange = await startExchange(t, { pastOrders: 200, goesOn: true });
    const installation = new Installation(held(), 'on');
    await installation.createTopics(2);
    const { code, stderr } = await backfill(exchange, ...kafkaFlags('on'));
    assert.equal(code, 0, stderr);
    const processor = installation.processor('--set', 'timeoutMs=3s', '--set', 'graceMs=1s', '--set', 'quietMs=1s');
    await sleep(1_000);
    assert.equal((await fillstream(['watch', 'add', ...exchange.addresses, ...kafkaFlags('on')])).code, 0);
    const ingestor = start(['ingestor', '--exchange', exchange.url, '--session-timeout', String(SESSION_MS), ...kafkaFlags('on')]);
    t.after(async () => {
      for (const running of [processor, ingestor]) running.kill('SIGKILL');
      await Promise.all([processor.ended, ingestor.ended]);
    });
    for (const address of exchange.addresses) await ingestor.heard(new RegExp(`${address}: watched`));
    await sleep(1_000);
    exchange.halt();
    const deadline = performance.now() + PATIENCE_MS;
    while (!isDeepStrictEqual(totalsOf(await installation.signals()), expectedOf(exchange)) && performance.now() < deadline) await sleep(1_000);
    assertTotals(await installation.signals(), exchange);
    assert.deepEqual(await readTopic(installation.kafka, 'gaps'), []);
  });

  test('a new address may go where others are watched; known ones are refused', async (t) => {
    const exchange = await startExchange(t, { pastOrders: 300 });
    const [fresh, watched] = exchange.addresses as [string, string];
    const installation = new Installation(held(), '');
    await installation.createTopics(2);
    const run = async (namespace: string, ...addresses: readonly string[]): Promise<Ended> => (
      await fillstream([...flagsOf(exchange, addresses), '--from', String(beganAt(exchange)), ...kafkaFlags(namespace)])
    );
    assert.equal((await fillstream(['watch', 'add', watched, ...kafkaFlags('')])).code, 0);
    assertRefused(await run('', fresh, watched), 1, new RegExp(`${watched} is on the watchlist: .*--namespace`));
    const { code, stderr } = await run('', fresh);
    assert.equal(code, 0, stderr);
    const [progress] = (await readTopic(installation.kafka, 'ingest-progress')).map(({ value }) => decodeIngestProgress(unframed(value) ?? Buffer.alloc(0)));
    const fills = exchange.ledger.fills(fresh);
    const lastFillAt = fills.at(-1)?.data.time;
    assert.deepEqual([progress?.address, progress?.lastFillAt], [fresh, lastFillAt]);
    assert.deepEqual(progress?.tids, fills.filter(({ data }) => data.time === lastFillAt).map(({ data }) => data.tid));
    assertRefused(await run('', fresh), 1, new RegExp(`${fresh} has fills on the topics already .*--namespace`));
    assertRefused(await run('nowhere', fresh), 1, /there is no topic nowhere\.fills/);
  });

  test('what can\'t be had is a record on `gaps`', async (t) => {
    const exchange = await startExchange(t, { addresses: 1, pastOrders: 9_000, ordersPerSecond: 100 });
    const installation = new Installation(held(), 'gaps');
    await installation.createTopics(1);
    const { code, stderr } = await backfill(exchange, '--statuses', '0', ...kafkaFlags('gaps'));
    assert.equal(code, 0, stderr);
    const gaps = (await readTopic(installation.kafka, 'gaps')).map(({ value }) => decodeGap(unframed(value) ?? Buffer.alloc(0)));
    const to = exchange.ledger.fills().at(-10_000)?.data.time;
    assert.deepEqual(gaps, [{ address: exchange.addresses[0], from: beganAt(exchange), to, reason: 'only the last 10000 fills can be asked for' }]);
  });
});
