// Frames that were damaged: a hundred thousand of them, and what was right among them comes through.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './budget.ts';
import { readFrame } from './frames.ts';
import { InfoClient } from './info.ts';
import { Intake } from './intake.ts';
import { Outbox } from './outbox.ts';
import { EXCHANGE_LIMITS, FEED_SETTINGS, periodsOf } from './settings.ts';
import { Stream } from './stream.ts';
import { Symbols } from './symbols.ts';
import { ADDRESS, TestExchange, TestSink, fillOf, until, updateOf } from './test-exchange.ts';
import { wallClock } from './waiting.ts';

const FRAMES = 100_000;
/** Each so many-th is right. */
const RIGHT_EVERY = 100;

const slice = { fill: fillOf(3, 3, { twapId: 4 }), twapId: 4 };
const SEEDS = [
  { channel: 'userFills', data: { user: ADDRESS, fills: [fillOf(1, 1), fillOf(2, 2)] } },
  { channel: 'userFills', data: { user: ADDRESS, fills: [fillOf(1, 1, { liquidation: { liquidatedUser: ADDRESS, markPx: '1', method: 'market' } })], isSnapshot: true } },
  { channel: 'userTwapSliceFills', data: { user: ADDRESS, twapSliceFills: [slice] } },
  { channel: 'orderUpdates', data: [updateOf(1, 'open'), updateOf(1, 'filled')] },
  { channel: 'subscriptionResponse', data: { method: 'subscribe', subscription: { type: 'userFills', user: ADDRESS } } },
  { channel: 'pong' }, { channel: 'error', data: 'Too many' }, 'Websocket connection established.',
].map((seed) => (typeof seed === 'string' ? seed : JSON.stringify(seed)));
const PIECES = ['null', '{}', '[]', '"', '\\', '{"', '-1', '1e999', '9007199254740993', 'true', '"__proto__":', '\u0000', '\ud800', '[[[[', '}}', ',', '0x', '"time":1e12,'];

let state = 42;
/** A whole number below `limit`. */
function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const oneOf = <T>(items: readonly T[]): T => items[below(items.length)] as T;

function damaged(text: string): string {
  const [from, to] = [below(text.length + 1), below(text.length + 1)].sort((one, other) => one - other) as [number, number];
  switch (below(7)) {
    case 0: return text.slice(0, from);
    case 1: return text.slice(0, from) + text.slice(to);
    case 2: return text.slice(0, from) + oneOf(PIECES) + text.slice(from);
    case 3: return text.slice(0, from) + oneOf(PIECES) + text.slice(to);
    case 4: return text.slice(0, to) + text.slice(from);
    case 5: return text.slice(0, from) + String.fromCharCode(below(256)) + text.slice(from + 1);
    default: return text.slice(0, from) + oneOf(SEEDS).slice(below(100));
  }
}

/** A field's value replaced, so that it still is JSON. */
function twisted(text: string): string {
  return text.replaceAll(/"[^"]*"(?=[,}\]])|\d+(?=[,}])/g, (value) => (below(10) === 0 ? oneOf(['null', '{}', '[1]', '-5', '1.5', '"x"', '1e400', 'false']) : value));
}

test('a hundred thousand damaged frames end nothing, and hide none of the right ones', async (t) => {
  const exchange = await TestExchange.start();
  t.after(async () => await exchange.close());
  const sink = new TestSink();
  const [onEvent, random, address, now] = [() => undefined, Math.random, ADDRESS, wallClock];
  const [limits, settings, periods] = [EXCHANGE_LIMITS, { ...FEED_SETTINGS, badFramesInARow: 1_000_000 }, { ...periodsOf(1), lagMs: 1, repairEveryMs: 50, retryLeastMs: 1, retryMostMs: 5 }];
  const fail = (error: unknown): never => {
    throw error;
  };
  const info = new InfoClient({
    url: exchange.endpoint.info, budget: new Budget({ limit: 1e9, windowMs: 1_000 }), limits, periods, attempts: 3, random, onEvent,
  });
  const outbox = new Outbox({
    address, sink, progress: null, queueRecords: 1e9, attempts: 1, retry: { leastMs: 1, mostMs: 1, random }, progressMs: 1, now, onEvent,
    onFull: () => undefined, onRoom: () => undefined, onFailed: fail,
  });
  const symbols = new Symbols({ info, periods, signal: new AbortController().signal, onEvent });
  const intake = new Intake({ address, progress: null, outbox, symbols, remembered: 1_000_000, dropRejections: false, now, onEvent });
  const stream = new Stream({ address, info, intake, outbox, limits, periods, settings, random, now, onEvent, replace: fail, onRepaired: () => undefined, onFailed: fail });
  const receive = (text: string): void => {
    const frame = readFrame(text);
    if (frame.kind !== 'pong' && frame.kind !== 'ack' && frame.kind !== 'greeting') stream.receive(frame, text);
  };

  stream.subscribing();
  stream.up();
  receive(SEEDS[1] ?? '');
  await until('it is live', () => stream.isLive);
  for (let turn = 0; turn < FRAMES; turn += 1) {
    let text = oneOf(SEEDS);
    for (let times = below(3); times >= 0; times -= 1) text = below(2) === 0 ? damaged(text) : twisted(text);
    receive(text);
    if (turn % RIGHT_EVERY === 0) {
      exchange.fills.push(fillOf(1_000 + turn, 100 + turn));
      if (turn % (2 * RIGHT_EVERY) === 0) receive(JSON.stringify({ channel: 'userFills', data: { user: ADDRESS, fills: [fillOf(1_000 + turn, 100 + turn)] } }));
    }
    if (turn % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  receive('{');
  await until('all right ones are there', () => {
    const tids = new Set(sink.records.flatMap((record) => (record.kind === 'fill' ? [record.data['tid']] : [])));
    return exchange.fills.every(({ tid }) => tids.has(tid));
  });
  await stream.close();
  assert.ok(sink.records.some(({ kind }) => kind === 'raw'));
  for (const record of sink.records) assert.equal(typeof JSON.stringify(record), 'string');
});
