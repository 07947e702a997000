// From JSON values to inputs (R1 to R3): what is refused, in which order, and what a readable record becomes (contract §1, §2).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { format, type Fill, type Input } from '@fillstream/core';
import fc from 'fast-check';
import { checkAddress, readRecord } from './record.ts';

const TIME = 1_760_000_000_000;
const ADDRESS = `0x${'a1'.repeat(20)}`;
const FILL = { coin: 'BTC', px: '100.0', sz: '0.5', side: 'B', time: TIME, startPosition: '-1', dir: 'Open Long', oid: 7 };
const ORDER = { coin: 'BTC', side: 'B', sz: '0.0', oid: 7, origSz: '0.5' };
const UPDATE = { order: ORDER, status: 'filled', statusTimestamp: TIME };

type Parts = Readonly<Record<string, unknown>>;

function fillRecord(data: Parts = {}, record: Parts = {}): Parts {
  return { kind: 'fill', address: ADDRESS, receivedAt: TIME, data: { ...FILL, ...data }, ...record };
}

function updateRecord(order: Parts = {}, data: Parts = {}): Parts {
  return { kind: 'orderUpdate', address: ADDRESS, receivedAt: TIME, data: { ...UPDATE, order: { ...ORDER, ...order }, ...data } };
}

function accountRecord(data: Parts = {}, record: Parts = {}): Parts {
  return { kind: 'account', address: ADDRESS, receivedAt: TIME, data: { time: TIME, accountValue: '12.5', ...data }, ...record };
}

function without(record: Parts, field: string): Parts {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== field));
}

/** What became of a record: its kind, or why it is unusable. */
function fate(value: unknown): string {
  const input = readRecord(value);
  return input.kind === 'unusable' ? input.reason : input.kind;
}

function fillOf(value: unknown): Fill {
  const input = readRecord(value);
  if (input.kind !== 'fill') throw new Error(`the record is ${fate(value)}`);
  return input.fill;
}

/** Decimals as canonical text, to compare inputs. */
function shown(input: Input): unknown {
  return JSON.parse(JSON.stringify(input, (_, value: unknown) => (
    typeof value === 'object' && value !== null && 'units' in value && 'scale' in value && typeof value.units === 'bigint'
      && typeof value.scale === 'number' ? format({ units: value.units, scale: value.scale }) : value
  )));
}

const NO_DECIMALS = [5, '1e5', '+1', '.5', '5.', ' 1', '', '1,5', true, [], {}, 'NaN', '0x1'];
const NO_TEXTS = [5, true, [], {}];
const NO_TIMES = [1e12 - 1, 1e13 + 1, TIME + 0.5, String(TIME), 1_760_000_000, -TIME, true, NaN, Infinity];
const NO_IDS = [-1, 1.5, '7', Number.MAX_SAFE_INTEGER + 1, true, NaN];
const NO_OBJECTS = [5, 'x', true, []];
const NO_BOOLEANS = [0, 1, 'true', {}];
const NO_SIDES = ['b', 'a', 'buy', '', 5];

suite('a record that is no record', () => {
  for (const value of [undefined, null, 17, 'tick', true, [], [{ kind: 'tick', receivedAt: TIME }], {}]) {
    test(`${value === undefined ? 'a line that is no JSON' : JSON.stringify(value)} is malformed, and moves no time`, () => {
      assert.deepEqual(readRecord(value), { kind: 'unusable', reason: 'malformed', receivedAt: null, record: null });
    });
  }

  test('without a usable receivedAt it is malformed whatever else it holds, and moves no time', () => {
    for (const receivedAt of [...NO_TIMES, null, undefined]) {
      for (const record of [fillRecord(), updateRecord(), accountRecord(), { kind: 'tick' }, fillRecord({ dir: 'Net Child Vaults' })]) {
        const input = readRecord({ ...record, receivedAt });
        assert.deepEqual(input, { kind: 'unusable', reason: 'malformed', receivedAt: null, record: null });
      }
    }
  });

  test('an unknown kind is malformed, but its time counts', () => {
    for (const kind of ['gossip', 'Fill', '', 3, null, undefined, 'constructor']) {
      assert.deepEqual(readRecord({ ...fillRecord(), kind }), { kind: 'unusable', reason: 'malformed', receivedAt: TIME, record: null });
    }
  });

  test('times from 1e12 to 1e13 are times', () => {
    for (const receivedAt of [1e12, 1e13]) assert.deepEqual(readRecord({ kind: 'tick', receivedAt }), { kind: 'tick', receivedAt });
  });
});

test('a decimal of 1,000 characters counts, a longer one is malformed', () => {
  assert.equal(fate(fillRecord({ px: '9'.repeat(1_000) })), 'fill');
  assert.equal(fate(fillRecord({ px: '9'.repeat(1_001) })), 'malformed');
});

suite('a needed field', () => {
  const needed: readonly (readonly [name: string, record: Parts, wrong: readonly unknown[]])[] = [
    ['coin', FILL, NO_TEXTS], ['px', FILL, [...NO_DECIMALS, '-1', '-0.1']], ['sz', FILL, [...NO_DECIMALS, '0', '0.00', '-1', '-0']],
    ['side', FILL, NO_SIDES], ['time', FILL, NO_TIMES], ['startPosition', FILL, NO_DECIMALS], ['dir', FILL, NO_TEXTS], ['oid', FILL, NO_IDS],
  ];
  for (const [name, , wrong] of needed) {
    test(`of a fill, ${name}: absent, null or wrong is malformed`, () => {
      for (const value of [...wrong, null, undefined]) assert.equal(fate(fillRecord({ [name]: value })), 'malformed', JSON.stringify(value));
      assert.equal(fate({ ...fillRecord(), data: without(FILL, name) }), 'malformed');
    });
  }

  const ofOrder = { coin: NO_TEXTS, side: NO_SIDES, sz: NO_DECIMALS, oid: NO_IDS, origSz: NO_DECIMALS };
  for (const [name, wrong] of Object.entries(ofOrder)) {
    test(`of an update's order, ${name}: absent, null or wrong is malformed`, () => {
      for (const value of [...wrong, null, undefined]) assert.equal(fate(updateRecord({ [name]: value })), 'malformed', JSON.stringify(value));
    });
  }

  const ofUpdate = { order: NO_OBJECTS, status: NO_TEXTS, statusTimestamp: NO_TIMES };
  for (const [name, wrong] of Object.entries(ofUpdate)) {
    test(`of an update, ${name}: absent, null or wrong is malformed`, () => {
      for (const value of [...wrong, null, undefined]) assert.equal(fate(updateRecord({}, { [name]: value })), 'malformed', JSON.stringify(value));
    });
  }

  test('of an account, time and accountValue: absent, null or wrong is malformed', () => {
    for (const time of [...NO_TIMES, null, undefined]) assert.equal(fate(accountRecord({ time })), 'malformed');
    for (const accountValue of [...NO_DECIMALS, null, undefined]) assert.equal(fate(accountRecord({ accountValue })), 'malformed');
  });

  test('address and data are needed by all but a tick', () => {
    for (const record of [fillRecord(), updateRecord(), accountRecord()]) {
      for (const address of [null, undefined, 5, {}]) assert.equal(fate({ ...record, address }), 'malformed');
      for (const data of [...NO_OBJECTS, null, undefined]) assert.equal(fate({ ...record, data }), 'malformed');
    }
    assert.equal(fate({ kind: 'tick', receivedAt: TIME, address: 5, data: 5 }), 'tick');
  });

  test('a zero price and a zero order size are sizes', () => {
    assert.equal(fate(fillRecord({ px: '0.0' })), 'fill');
    assert.equal(fate(fillRecord({ px: '-0' })), 'fill');
    assert.equal(fate(updateRecord({ sz: '0', origSz: '0.0' })), 'orderUpdate');
  });
});

suite('an optional field', () => {
  const ofFill = {
    closedPnl: NO_DECIMALS, fee: NO_DECIMALS, builderFee: NO_DECIMALS, feeToken: NO_TEXTS, hash: NO_TEXTS, cloid: NO_TEXTS,
    tid: NO_IDS, twapId: NO_IDS, crossed: NO_BOOLEANS, liquidation: NO_OBJECTS,
  };
  for (const [name, wrong] of Object.entries(ofFill)) {
    test(`of a fill, ${name}: wrong is malformed, null is absent`, () => {
      for (const value of wrong) assert.equal(fate(fillRecord({ [name]: value })), 'malformed', JSON.stringify(value));
      assert.deepEqual(shown(readRecord(fillRecord({ [name]: null }))), shown(readRecord(fillRecord())));
    });
  }

  test('absent has its default', () => {
    const { closedPnl, fee, feeToken, tid, hash, cloid, twapId, liquidatedUser } = fillOf(fillRecord());
    assert.deepEqual([format(closedPnl), format(fee), feeToken, tid, hash, cloid, twapId, liquidatedUser], ['0', '0', 'USDC', 0, null, null, null, null]);
  });

  test('reduceOnly is false unless it is true, and malformed when it is no boolean', () => {
    for (const [reduceOnly, expected] of [[true, true], [false, false], [null, false], [undefined, false]] as const) {
      const input = readRecord(updateRecord({ reduceOnly }));
      assert.ok(input.kind === 'orderUpdate' && input.update.reduceOnly === expected);
    }
    for (const reduceOnly of NO_BOOLEANS) assert.equal(fate(updateRecord({ reduceOnly })), 'malformed');
  });

  test('symbol and source are texts, and the symbol is the coin without one', () => {
    for (const wrong of NO_TEXTS) {
      assert.equal(fate(fillRecord({}, { symbol: wrong })), 'malformed');
      assert.equal(fate(fillRecord({}, { source: wrong })), 'malformed');
    }
    const symbolOf = (symbol: unknown): unknown => {
      const input = readRecord(fillRecord({}, { symbol }));
      return input.kind === 'fill' ? input.symbol : input.kind;
    };
    assert.deepEqual(['HYPE/USDC', null, undefined, ''].map(symbolOf), ['HYPE/USDC', 'BTC', 'BTC', '']);
  });

  test('the liquidated user is lower-cased, and may be missing', () => {
    assert.equal(fillOf(fillRecord({ liquidation: { liquidatedUser: ADDRESS.toUpperCase() } })).liquidatedUser, ADDRESS);
    for (const liquidation of [{}, { liquidatedUser: null }]) assert.equal(fillOf(fillRecord({ liquidation })).liquidatedUser, null);
    assert.equal(fate(fillRecord({ liquidation: { liquidatedUser: 5 } })), 'malformed');
  });

  test('unknown fields are ignored at every depth', () => {
    const extra = { later: { added: [1] } };
    assert.deepEqual(readRecord(fillRecord(extra, extra)), readRecord(fillRecord()));
    assert.deepEqual(readRecord({ ...updateRecord(extra, extra), ...extra }), readRecord(updateRecord()));
  });
});

suite('an address', () => {
  const BAD = ['', '0x1234', `0X${'a1'.repeat(20)}`, 'a1'.repeat(21), `0x${'a1'.repeat(19)}g1`, `${ADDRESS} `, `${ADDRESS}\n`, `${ADDRESS}00`, ` ${ADDRESS}`];

  test('is 0x and 40 hex digits, in lower case from then on', () => {
    assert.equal(checkAddress(`0x${'aB'.repeat(20)}`), `0x${'ab'.repeat(20)}`);
    assert.deepEqual(BAD.map(checkAddress), BAD.map(() => null));
  });

  test('that is bad refuses each kind that has one, and keeps the time and the kind', () => {
    for (const address of BAD) {
      for (const record of [fillRecord(), updateRecord(), accountRecord(), fillRecord({ dir: 'Split Outcome' })]) {
        assert.deepEqual(readRecord({ ...record, address }), { kind: 'unusable', reason: 'bad-address', receivedAt: TIME, record: record['kind'] });
      }
    }
  });

  test('is looked at after all that is malformed', () => {
    for (const record of [fillRecord({ oid: 'x' }), updateRecord({ sz: 5 }), accountRecord({ time: 5 }), fillRecord({}, { symbol: 5 })]) {
      assert.equal(fate({ ...record, address: '0x1' }), 'malformed');
    }
  });
});

suite('a fill that is no trade', () => {
  const DIRS = ['Spot Dust Conversion', 'Net Child Vaults', 'Split Outcome', 'Merge Outcome', 'Merge Question', 'Negate Outcome'];

  test('is one whatever else it holds', () => {
    for (const dir of DIRS) {
      const record = { kind: 'fill', address: ADDRESS.toUpperCase().replace('0X', '0x'), receivedAt: TIME, symbol: 5, source: [] };
      assert.deepEqual(readRecord({ ...record, data: { dir } }), { kind: 'noTrade', address: ADDRESS, receivedAt: TIME });
      assert.deepEqual(readRecord({ ...record, data: { dir, sz: '0', oid: 'x', coin: 5 } }), { kind: 'noTrade', address: ADDRESS, receivedAt: TIME });
    }
  });

  test('still needs its address', () => {
    assert.equal(fate(fillRecord({ dir: 'Split Outcome' }, { address: '0x1' })), 'bad-address');
    assert.equal(fate(fillRecord({ dir: 'Split Outcome' }, { address: 5 })), 'malformed');
  });

  test('is a fill only: an update that says so is just malformed', () => {
    assert.equal(fate({ kind: 'orderUpdate', address: ADDRESS, receivedAt: TIME, data: { dir: 'Split Outcome' } }), 'malformed');
  });
});

suite('any value', () => {
  const anything = fc.anything({ withBigInt: false, withNullPrototype: true, withSparseArray: true });
  const field = fc.oneof(fc.constantFrom<unknown>(null, TIME, ADDRESS, '1', '-1.5', 'B', 7, true, 'Settlement'), anything);
  /** Records that are nearly right. */
  const near = fc.record({
    base: fc.constantFrom(fillRecord(), updateRecord(), accountRecord(), { kind: 'tick', receivedAt: TIME }),
    path: fc.constantFrom(
      ['kind'], ['address'], ['receivedAt'], ['data'], ['symbol'], ['data', 'order'], ['data', 'liquidation'], ['data', 'tid'], ['data', 'oid'],
      ['data', 'order', 'sz'], ['data', 'sz'], ['data', 'dir'], ['data', 'status'],
    ),
    value: field,
  }).map(({ base, path, value }) => withValue(base, path, value));

  function withValue(target: Parts, [name, ...rest]: readonly string[], value: unknown): Parts {
    if (name === undefined) return target;
    const held = target[name];
    if (rest.length === 0) return { ...target, [name]: value };
    return typeof held === 'object' && held !== null ? { ...target, [name]: withValue({ ...held }, rest, value) } : target;
  }

  test('gives an input, and never an exception (R1)', () => {
    const kinds = new Set(['fill', 'orderUpdate', 'account', 'tick', 'noTrade', 'unusable']);
    fc.assert(fc.property(fc.oneof(anything, near), (value) => {
      assert.ok(kinds.has(readRecord(value).kind));
    }), { numRuns: 3_000 });
  });

  test('of JSON gives the same input each time, and leaves the value as it was', () => {
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), near), (value) => {
      const before = JSON.stringify(value);
      assert.deepEqual(readRecord(value), readRecord(value));
      assert.equal(JSON.stringify(value), before);
    }));
  });
});

suite('a readable record', () => {
  test('keeps its amounts exactly', () => {
    const fill = fillOf(fillRecord({ px: '0.10000000000000000001', sz: '123456789012345678901234567890.5', fee: '-0.5', closedPnl: '-0.0' }));
    assert.deepEqual([fill.px, fill.sz, fill.fee, fill.closedPnl].map(format), ['0.10000000000000000001', '123456789012345678901234567890.5', '-0.5', '0']);
  });

  test('of an account has its value and time', () => {
    assert.deepEqual(shown(readRecord(accountRecord({ accountValue: '-3.50' }))), {
      kind: 'account', address: ADDRESS, receivedAt: TIME, time: TIME, accountValue: '-3.5',
    });
  });

  test('of an update has what decides about fills', () => {
    assert.deepEqual(shown(readRecord(updateRecord({ reduceOnly: true }))), {
      kind: 'orderUpdate', address: ADDRESS, receivedAt: TIME,
      update: { oid: 7, status: 'filled', statusTimestamp: TIME, sz: '0', origSz: '0.5', reduceOnly: true },
    });
  });
});
