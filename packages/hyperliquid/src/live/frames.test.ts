// Texts of the socket, and what they are read as.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { readFrame } from './frames.ts';
import { ADDRESS, fillOf, updateOf } from './test-exchange.ts';
import { ascending, endedOid, fillKey, isEmptyRejection } from './rows.ts';

const RECORDED = join(import.meta.dirname, '../../../../../shared/data');

const kindOf = (value: unknown): string => readFrame(typeof value === 'string' ? value : JSON.stringify(value)).kind;

suite('readFrame', () => {
  test('every frame of the protocol is what it is', () => {
    assert.equal(kindOf('Websocket connection established.'), 'greeting');
    assert.equal(kindOf({ channel: 'pong' }), 'pong');
    assert.deepEqual(readFrame(JSON.stringify({ channel: 'error', data: 'no' })), { kind: 'error', text: 'no' });
    const echo = { method: 'subscribe', subscription: { type: 'userFills', user: ADDRESS.toUpperCase(), aggregateByTime: false } };
    assert.deepEqual(readFrame(JSON.stringify({ channel: 'subscriptionResponse', data: echo })), { kind: 'ack', method: 'subscribe', type: 'userFills', user: ADDRESS });
    const fill = fillOf(1, 0);
    assert.deepEqual(readFrame(JSON.stringify({ channel: 'userFills', data: { user: ADDRESS, fills: [fill], isSnapshot: true, more: 1 } })),
      { kind: 'fills', channel: 'userFills', user: ADDRESS, isSnapshot: true, rows: [fill] });
    assert.deepEqual(readFrame(JSON.stringify({ channel: 'orderUpdates', data: [updateOf(1, 'open')] })), { kind: 'updates', rows: [updateOf(1, 'open')] });
  });

  test('a slice is its fill, which is told its twapId when it doesn\'t say it', () => {
    const slices = [{ fill: fillOf(1, 0), twapId: 7 }, { fill: fillOf(2, 0, { twapId: 8 }), twapId: 8 }, 'odd'];
    const frame = readFrame(JSON.stringify({ channel: 'userTwapSliceFills', data: { user: ADDRESS, twapSliceFills: slices } }));
    assert.deepEqual(frame.kind === 'fills' && frame.rows, [fillOf(1, 0, { twapId: 7 }), fillOf(2, 0, { twapId: 8 }), 'odd']);
  });

  test('what may have held data is bad; what is new, or none of ours, is unknown', () => {
    const bad = ['', '{"channel":"userFills","data":{"user":"0x', 'Internal error', `${'{"data":'.repeat(100_000)}1${'}'.repeat(100_000)}`, '['.repeat(100_000),
      { channel: 'userFills' }, { channel: 'userFills', data: null }, { channel: 'userFills', data: { user: ADDRESS, fills: 'none' } }, { channel: 'orderUpdates', data: {} }];
    assert.deepEqual(bad.map(kindOf), bad.map(() => 'bad'));
    const unknown = [[], null, 42, '"userFills"', {}, { channel: 'user', data: {} }, { channel: ['userFills'] }, { channel: '__proto__', data: {} }, { channel: 'subscriptionResponse', data: null }];
    assert.deepEqual(unknown.map(kindOf), unknown.map(() => 'unknown'));
  });

  test('brackets inside of strings don\'t count as depth', () => {
    const fill = fillOf(1, 0, { hash: `"\\${'['.repeat(500)}` });
    assert.equal(kindOf({ channel: 'userFills', data: { user: ADDRESS, fills: [fill] } }), 'fills');
  });

  test('recorded transcripts are read', { skip: !existsSync(RECORDED) && 'no recordings on this machine' }, () => {
    for (const file of readdirSync(join(RECORDED, 'ws-frames'))) {
      const text = readFileSync(join(RECORDED, 'ws-frames', file), 'utf8');
      const answers = Array.from(text.matchAll(/^< (.*)$/gm), ([, answer]) => kindOf(answer));
      const data = readFrame(text.slice(text.indexOf('= ') + 2));
      assert.deepEqual(answers, ['ack'], file);
      assert.ok(data.kind === 'updates' ? data.rows.length === 1 : data.kind === 'unknown' && data.detail === 'channel "user"', file);
    }
  });
});

suite('rows', () => {
  test('the rejections that are left out are those without a fill, and of an order with a size', () => {
    assert.ok(isEmptyRejection(updateOf(1, 'badAloPxRejected', { sz: '1.0' })));
    assert.ok(isEmptyRejection(updateOf(1, 'rejected', { sz: '1.0' })));
    const kept = [updateOf(1, 'badAloPxRejected', { sz: '0.5' }), updateOf(1, 'canceled', { sz: '1.0' }), updateOf(1, 'filled'),
      updateOf(1, 'rejected', { sz: '0.0', origSz: '0.0' }), {}, { order: {}, status: 'rejected' }, { order: null, status: 'rejected' }];
    assert.deepEqual(kept.filter(isEmptyRejection), []);
  });

  test('keys are equal for equal rows alone', () => {
    const fill = fillOf(1, 0);
    assert.equal(fillKey({ ...fill }), fillKey(fill));
    for (const more of [{ tid: 2 }, { px: '101.0' }, { sz: '2.0' }, { side: 'A' }, { oid: 2 }, { hash: '0x1' }, { startPosition: '1.0' }]) {
      assert.notEqual(fillKey({ ...fill, ...more }), fillKey(fill));
    }
  });

  test('an order has ended with a terminal status', () => {
    assert.deepEqual(['filled', 'canceled', 'marginCanceled', 'open', 'triggered', 'new'].map((status) => endedOid(updateOf(7, status))), [7, 7, 7, null, null, null]);
  });

  test('ascending rows are the same whether they came newest or oldest first, and keep the order of a millisecond', () => {
    const times = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(times, (ats) => {
      const rows = ats.toSorted((one, other) => one - other).map((at, tid) => fillOf(tid, at));
      assert.deepEqual(ascending(rows.toReversed()), rows);
      if (rows[0]?.['time'] !== rows.at(-1)?.['time']) assert.deepEqual(ascending(rows), rows);
    }));
  });
});
