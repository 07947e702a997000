// What the exchange sends: frames of its socket, answers of its REST interface, pages of history.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Budget } from '../../../packages/hyperliquid/src/live/budget.ts';
import { readFrame } from '../../../packages/hyperliquid/src/live/frames.ts';
import { fetchHistory } from '../../../packages/hyperliquid/src/live/history.ts';
import { InfoClient, InfoError } from '../../../packages/hyperliquid/src/live/info.ts';
import { ascending, askableOid, endedOid, fillKey, isEmptyRejection, timeOf, updateKey } from '../../../packages/hyperliquid/src/live/rows.ts';
import { EXCHANGE_LIMITS, periodsOf } from '../../../packages/hyperliquid/src/live/settings.ts';
import { START, address, exchangeFill, orderUpdate } from '../records.ts';
import { twisted, twistedJson } from '../damage.ts';
import { fieldsOf, itemsOf, jsonTarget, onlyLater, textOf, textTarget } from '../target.ts';

const frame = fc.oneof(
  fc.record({ channel: fc.constant('userFills'), data: fc.record({ user: address, fills: fc.array(exchangeFill, { maxLength: 3 }), isSnapshot: fc.boolean() }) }),
  fc.record({ channel: fc.constant('userTwapSliceFills'), data: fc.record({ user: address, twapSliceFills: fc.array(fc.record({ fill: exchangeFill, twapId: fc.nat() }), { maxLength: 3 }) }) }),
  fc.record({ channel: fc.constant('orderUpdates'), data: fc.array(orderUpdate, { maxLength: 3 }) }),
  fc.record({ channel: fc.constant('subscriptionResponse'), data: fc.record({ method: fc.constant('subscribe'), subscription: fc.record({ type: fc.constant('userFills'), user: address }) }) }),
  fc.constantFrom<unknown>({ channel: 'pong' }, { channel: 'error', data: 'Too many' }, { channel: 'error', data: { code: 1 } }),
);

const frames = textTarget({
  name: 'frame', law: 'every text of the socket is a frame: rows as they came, or told as bad or unknown', share: 2_000,
  cases: twistedJson(frame),
  check: (text) => {
    const read = readFrame(text);
    if (read.kind === 'bad' || read.kind === 'unknown') assert.ok(read.detail.length < 400);
    if (read.kind !== 'fills' && read.kind !== 'updates') return;
    const rows = read.rows.filter((row) => isJson(row));
    for (const row of rows) {
      const facts = [timeOf(row), fillKey(row), updateKey(row), endedOid(row), isEmptyRejection(row), askableOid(row)];
      assert.equal(facts.length, 6);
    }
    assert.equal(ascending(rows).length, rows.length);
  },
});

function isJson(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ASK = { priority: 0, signal: new AbortController().signal };

/** One client whose requests are answered from a list; then with 500. */
async function answered<T>(answers: readonly { readonly status: number; readonly text: string }[], use: (info: InfoClient) => Promise<T>): Promise<{ readonly result: T | undefined; readonly asked: number }> {
  const real = globalThis.fetch;
  let asked = 0;
  globalThis.fetch = async () => {
    const { status, text } = answers[asked] ?? { status: 500, text: '' };
    asked += 1;
    return await Promise.resolve(new Response(status === 204 ? null : text, { status }));
  };
  try {
    const info = new InfoClient({
      url: 'http://127.0.0.1/info', budget: new Budget({ limit: 1e9, windowMs: 1 }), limits: EXCHANGE_LIMITS, attempts: 1, random: () => 0, onEvent: () => undefined,
      periods: periodsOf(1, { retryLeastMs: 0, retryMostMs: 0, lagMs: 0, throttleMs: 0 }),
    });
    return { result: await onlyLater([InfoError], async () => await use(info)), asked };
  } finally {
    globalThis.fetch = real;
  }
}

const METHODS: readonly ((info: InfoClient) => Promise<unknown>)[] = [
  (info) => info.userFillsByTime('0x', START, ASK), (info) => info.historicalOrders('0x', ASK), (info) => info.orderStatus('0x', 1, ASK),
  (info) => info.accountValue('0x', ASK), (info) => info.meta(ASK), (info) => info.spotMeta(ASK),
];
const answer = fc.oneof<fc.Arbitrary<unknown>[]>(
  fc.array(exchangeFill, { maxLength: 3 }), fc.array(orderUpdate, { maxLength: 3 }), orderUpdate.map((order) => ({ status: 'order', order })),
  fc.constantFrom<unknown>({ status: 'unknownOid' }, { marginSummary: { accountValue: '1.5' }, time: START }, { universe: [{ name: 'BTC' }], tokens: [] }),
);

const answers = jsonTarget({
  name: 'answer', law: 'an answer of REST is of the shape that was asked for, or the request has failed by name', share: 500,
  cases: fc.record({ method: fc.nat({ max: METHODS.length - 1 }), status: fc.constantFrom(200, 200, 200, 204, 302, 400, 422, 429, 500, 503), text: twistedJson(answer) }),
  check: async (value) => {
    const { method, status, text } = fieldsOf(value);
    const { result, asked } = await answered([{ status: Number(status), text: String(text) }], async (info) => await METHODS[Number(method)]?.(info));
    assert.equal(asked, 1);
    if (result === undefined) return;
    if (Number(method) < 2) assert.ok(Array.isArray(result) && result.every(isJson));
    else assert.ok(result === null || isJson(result));
  },
});

const PAGE = 4;
const pages = fc.array(twisted(fc.array(exchangeFill, { maxLength: PAGE })), { maxLength: 6 });

const histories = jsonTarget({
  name: 'history', law: 'pages that repeat, lie or never end give rows in order, each once, or fail by name', share: 300,
  cases: fc.record({ pages, snapshot: fc.option(fc.array(exchangeFill, { maxLength: PAGE })), known: fc.option(fc.constant(START)), confirm: fc.boolean(), repeat: fc.boolean() }),
  check: async (value) => {
    const { pages: list, snapshot, known, confirm, repeat } = fieldsOf(value);
    const texts = itemsOf(list).map((page) => ({ status: 200, text: textOf(page) }));
    const all = repeat === true ? Array.from({ length: 60 }, (_, place) => texts[place % Math.max(1, texts.length)] ?? { status: 200, text: '[]' }) : texts;
    const { result, asked } = await answered(all, async (info) => await fetchHistory({
      info, address: '0x', limits: { ...EXCHANGE_LIMITS, rowsPerAnswer: PAGE, fillsKept: 2 * PAGE }, lagMs: 0, from: START - 1_000,
      known: typeof known === 'number' ? known : null, snapshot: Array.isArray(snapshot) ? snapshot.filter(isJson) : null, confirm: confirm === true, ask: ASK,
    }));
    assert.ok(asked <= 50, `asked ${String(asked)} times`);
    if (result === undefined) return;
    const times = result.rows.map(({ data }) => timeOf(data) ?? 0);
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
    const keys = result.rows.filter(({ source }) => source === 'repair').map(({ data }) => fillKey(data));
    assert.equal(new Set(keys).size, keys.length);
  },
});

export const EXCHANGE_TARGETS = [frames, answers, histories];
