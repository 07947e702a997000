// Lines of a node's files, and the times in them.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Line } from '../journal/line-source.ts';
import { readRecord } from '../record.ts';
import { readNodeLine, type NodeRecord } from './node-line.ts';
import { exchangeTime } from './time.ts';

const USER = '0x638B9e1f00000000000000000000000000000001';
const AT = Date.UTC(2025, 6, 27, 8, 50, 0, 123);
const ISO = '2025-07-27T08:50:00.123456789';
const FILL = { coin: 'BTC', px: '118136.0', sz: '0.00009', side: 'B', time: AT, startPosition: '-1.41864', dir: 'Close Short', oid: 1, tid: 2, twapId: null };
const ORDER = { coin: 'INJ', side: 'A', limitPx: '25.381', sz: '257.0', oid: 12212359592, timestamp: 1721982700270, origSz: '257.0', children: [], cloid: null };
const STATUS = { time: ISO, user: USER, hash: '0x0d', status: 'canceled', order: ORDER };

function textLine(text: string, offset = 0): Line {
  return { kind: 'text', text, offset, next: offset + text.length + 1 };
}

function read(value: unknown): readonly NodeRecord[] {
  return readNodeLine(textLine(JSON.stringify(value)));
}

function block(events: readonly unknown[], more: object = {}): object {
  return { local_time: '2025-07-27T08:50:00.334741319', block_time: ISO, block_number: 676607012, events, ...more };
}

const fillRecord: NodeRecord = {
  kind: 'fill', address: USER, receivedAt: AT, json: { kind: 'fill', address: USER, receivedAt: AT, source: 'import', data: FILL },
};
const statusRecord: NodeRecord = {
  kind: 'orderUpdate', address: USER, receivedAt: AT,
  json: { kind: 'orderUpdate', address: USER, receivedAt: AT, source: 'import', data: { hash: '0x0d', status: 'canceled', order: ORDER, statusTimestamp: AT } },
};

suite('a line', () => {
  test('a fill is a record with the fill untouched, received at the time of the fill', () => {
    assert.deepEqual(read([USER, FILL]), [fillRecord]);
    assert.equal(readRecord(fillRecord.kind === 'fill' ? fillRecord.json : null).kind, 'fill');
  });

  test('an order status is an order update of its time', () => {
    assert.deepEqual(read(STATUS), [statusRecord]);
    assert.equal(readRecord(statusRecord.kind === 'orderUpdate' ? statusRecord.json : null).kind, 'orderUpdate');
    assert.deepEqual(read({ ...STATUS, time: AT }), [statusRecord]);
  });

  test('a block is its events, of either form and mixed, in their order; an empty block is none', () => {
    assert.deepEqual(read(block([[USER, FILL], STATUS, [USER, FILL]])), [fillRecord, statusRecord, fillRecord]);
    assert.deepEqual(read(block([])), []);
  });

  test('what an event lacks of a time is its block\'s; a fill without a time goes on without', () => {
    const { time: _, ...timeless } = STATUS;
    assert.deepEqual(read(block([timeless])), [statusRecord]);
    const { time: __, ...fill } = FILL;
    const [record] = read(block([[USER, fill]]));
    assert.deepEqual(record, { ...fillRecord, json: { ...(fillRecord.kind === 'fill' ? fillRecord.json : {}), data: fill } });
  });

  test('a fill\'s time as text becomes milliseconds', () => {
    assert.deepEqual(read([USER, { ...FILL, time: ISO }]), [fillRecord]);
  });

  test('a time that isn\'t clear leaves a record that the contract refuses, with all that came', () => {
    for (const time of ['2025-07-27T08:50:00+02:00', 'noon', 1753606200, null, '2025-02-30T00:00:00']) {
      const [record] = read({ ...STATUS, time });
      assert.ok(record?.kind === 'orderUpdate');
      assert.deepEqual(record.json['data'], { hash: '0x0d', status: 'canceled', order: ORDER, statusTimestamp: time });
      const input = readRecord(record.json);
      assert.ok(input.kind === 'unusable' && input.reason === 'malformed');
    }
  });

  test('other events are refused one by one, as they came, with their block\'s time', () => {
    const events = [{ time: ISO, hash: '0x00', inner: { type: 'funding' } }, 5, null, [USER], [1, FILL], { user: USER, ...FILL }, 'text'];
    assert.deepEqual(read(block([[USER, FILL], ...events])), [fillRecord, ...events.map((event) => ({ kind: 'refused', receivedAt: AT, bytes: JSON.stringify(event) }))]);
  });

  test('other lines are refused whole, as they came', () => {
    for (const text of ['', '{', 'null', '5', '[]', '{"events":[1]}', '{"block_time":"x","events":{}}', '{"coin":"BTC","user":"0x","px":"1"}', '{"a":1,"a":2}']) {
      assert.deepEqual(readNodeLine(textLine(text, 7)), [{ kind: 'refused', receivedAt: null, bytes: text }], text);
    }
    const bytes = Uint8Array.of(0xff);
    assert.deepEqual(readNodeLine({ kind: 'notText', bytes, offset: 0, next: 2 }), [{ kind: 'refused', receivedAt: null, bytes }]);
    const oversized = { kind: 'oversized', head: '[', length: 1e9, sha256: '00', offset: 0, next: 1e9 } as const;
    assert.deepEqual(readNodeLine(oversized), [{ kind: 'oversized', receivedAt: null, line: oversized }]);
  });

  test('a byte order mark at a file\'s beginning is skipped', () => {
    assert.deepEqual(readNodeLine(textLine(`\uFEFF${JSON.stringify(STATUS)}`)), [statusRecord]);
    assert.equal(readNodeLine(textLine(`\uFEFF${JSON.stringify(STATUS)}`, 9))[0]?.kind, 'refused');
  });

  test('whatever the line, nothing of it vanishes', () => {
    const event = fc.oneof(fc.constant([USER, FILL]), fc.constant(STATUS), fc.jsonValue());
    fc.assert(fc.property(fc.array(event), event, (events, alone) => {
      assert.equal(read(block(events)).length, events.length);
      assert.equal(read([alone]).length, 1);
    }));
  });
});

suite('a time', () => {
  test('text with any fraction of a second is the millisecond it lies in', () => {
    fc.assert(fc.property(fc.integer({ min: 1e12, max: 4e12 }), fc.integer({ min: 0, max: 999_999 }), fc.constantFrom('', 'Z', '+00:00'), (at, nanoseconds, zone) => {
      const iso = new Date(at).toISOString().slice(0, -1);
      assert.equal(exchangeTime(`${iso}${String(nanoseconds).padStart(6, '0')}${zone}`), at);
      assert.equal(exchangeTime(`${iso}${zone}`.replace('T', ' ')), at);
    }));
    assert.equal(exchangeTime('2025-07-27T08:50:00'), AT - 123);
    assert.equal(exchangeTime('2025-07-27T08:50:00.1'), AT - 23);
  });

  test('no text that isn\'t a time of the calendar, no other zone, no other unit', () => {
    for (const value of [
      '2025-13-01T00:00:00', '2025-00-01T00:00:00', '2025-02-29T00:00:00', '2025-04-31T00:00:00', '2025-01-01T24:00:00', '2025-01-01T00:60:00',
      '2025-01-01T00:00:60', '2025-01-01', '2025-01-01T00:00:00+01:00', '2025-01-01T00:00:00.', '2025-01-01T00:00:00.1234567890', '1753606200123', '',
      1_753_606_200, 1.753606200123e18, 1753606200123.5, null, undefined, {}, true,
    ]) assert.equal(exchangeTime(value), null, JSON.stringify(value));
    assert.equal(exchangeTime('2024-02-29T00:00:00'), Date.UTC(2024, 1, 29));
  });
});
