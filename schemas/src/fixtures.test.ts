// The bytes of today's schemas: what stands in a log stays readable only while these hold. Add fixtures, never edit one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeCommit, encodeCommit } from './commit.ts';
import { decodeInput } from './decode-input.ts';
import { encodeCutLine, encodeRecord, encodeTick } from './encode-input.ts';
import { decodeQuarantined, encodeQuarantined } from './quarantined.ts';
import { decodeSignal, encodeSignal } from './signal.ts';
import { encodeToken, encodeWebhook, encodeWebhookDeadLetter } from './subscribers.ts';
import { encodeGap, encodeIngestProgress, encodeRepair, encodeWatched } from './upkeep.ts';

const ADDRESS = '0x00000000000000000000000000000000000000aa';
const NOW = 1700000000000;

const fill = {
  kind: 'fill', address: ADDRESS, receivedAt: NOW, symbol: 'HYPE/USDC', source: 'ws', seen: 1,
  data: {
    coin: '@107', px: '34.895', sz: '0.5', side: 'B', time: NOW + 1, startPosition: '0.0', dir: 'Buy', closedPnl: '0.0',
    hash: '0x01', oid: 257770947487, crossed: true, fee: '0.00031499', tid: 1100000000000001, cloid: '0x02', feeToken: 'HYPE',
    twapId: 7, liquidation: { liquidatedUser: ADDRESS, markPx: '34.9', method: 'market', more: [] }, builderFee: '0.1', more: {},
  },
};
const plainFill = {
  kind: 'fill', address: ADDRESS, receivedAt: NOW,
  data: { coin: 'BTC', px: '1', sz: '2', side: 'A', time: NOW, startPosition: '-3', dir: 'Open Short', oid: 5, twapId: null },
};
const account = { kind: 'account', address: ADDRESS, receivedAt: NOW, data: { time: NOW, accountValue: '1000.5' } };
const update = {
  kind: 'orderUpdate', address: ADDRESS, receivedAt: NOW, source: 'ws',
  data: {
    order: {
      coin: 'BTC', side: 'A', limitPx: '1', sz: '0.0', oid: 5, timestamp: NOW, origSz: '2', cloid: '0x02', reduceOnly: false,
      tif: 'Gtc',
    },
    status: 'filled', statusTimestamp: NOW,
  },
};
const signal = {
  id: `${ADDRESS}/5/open-short`, revision: 2, address: ADDRESS, oid: 5, coin: 'BTC', symbol: 'BTC', cloid: '0x02',
  assetType: 'futures', direction: 'open', side: 'SHORT', size: '2', notional: '2', price: '1', positionSize: 'small',
  positionBefore: '-3', positionAfter: '-5', closeRate: '0', positionRate: '0.2', fees: { HYPE: '0', USDC: '0.1' },
  closedPnl: '0', fillCount: 1, firstFillAt: NOW, lastFillAt: NOW,
  orderStatus: 'filled', trigger: 'complete', complete: true, reversal: false,
  cause: 'trade', twapId: null,
} as const;
const cut = { length: 100, sha256: 'ab', file: 'a.ndjson', position: 3 };
const quarantined = {
  reason: 'late', topic: 'fills', partition: 3, offset: 300, receivedAt: NOW, original: Buffer.from('{}'), cut,
};
const commit = {
  id: '0f', partition: 1, topics: ['fills', 'order-updates'], from: [1, 2], to: [3, 3],
  merge: [{ topic: 0, count: 2 }, { topic: 1, count: 1 }], fired: 4, clocks: [NOW, NOW],
  counts: { records: 3 },
};

const FIXTURES: Readonly<Record<string, readonly [Buffer, string]>> = {
  'a full fill': [
    encodeRecord(fill).body,
    '045430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef9620212485950452f55'
    + '5344430204777302147b227365656e223a317d08403130370c33342e38393506302e35024282a0abfef96206302e30064275790206302e300208'
    + '30783031be8ec4c5800f02010214302e303030333134393902828086d4b69cf403020830783032020848595045020e0202543078303030303030'
    + '30303030303030303030303030303030303030303030303030303030303030306161020833342e39020c6d61726b657402167b226d6f7265223a'
    + '5b5d7d0206302e3102167b226d6f7265223a7b7d7d',
  ],
  'a plain fill': [
    encodeRecord(plainFill).body,
    '045430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef9620000000642544302'
    + '310232024180a0abfef962042d33144f70656e2053686f727400000a0000000000000000021e7b22747761704964223a6e756c6c7d',
  ],
  'an account snapshot': [
    encodeRecord(account).body,
    '065430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef962000080a0abfef962'
    + '0c313030302e3500',
  ],
  'an order update': [
    encodeRecord(update).body,
    '045430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef9620204777300064254'
    + '43024102023106302e300a0280a0abfef96202320208307830320200021a7b22746966223a22477463227d0c66696c6c656480a0abfef96200',
  ],
  'a tick': [
    encodeTick(NOW),
    '0080a0abfef96200',
  ],
  'a raw record': [
    encodeRecord({ kind: 'fill', receivedAt: NOW }).body,
    '02547b226b696e64223a2266696c6c222c2272656365697665644174223a313730303030303030303030307d0280a0abfef96200',
  ],
  'a cut line': [
    encodeCutLine({ head: Buffer.from('x'), ...cut }).body,
    '0202780002c8010461620210612e6e646a736f6e0206',
  ],
  'a signal': [
    encodeSignal(signal),
    '6e3078303030303030303030303030303030303030303030303030303030303030303030303030303061612f352f6f70656e2d73686f72740454'
    + '3078303030303030303030303030303030303030303030303030303030303030303030303030303061610a06425443064254430208307830320e'
    + '66757475726573086f70656e0a53484f52540232023202310a736d616c6c042d33042d3502300206302e32040848595045023008555344430630'
    + '2e310002300280a0abfef96280a0abfef962020c66696c6c656410636f6d706c65746501000a747261646500',
  ],
  'a refused record': [
    encodeQuarantined(quarantined),
    '086c6174650a66696c6c7306d8040280a0abfef962047b7d02c8010461620210612e6e646a736f6e0206',
  ],
  'a commit': [
    encodeCommit(commit),
    '04306602040a66696c6c731a6f726465722d75706461746573000402040004060600040004020200080480a0abfef96280a0abfef96200020e'
    + '7265636f7264730600',
  ],
  'a watched address': [
    encodeWatched({ address: ADDRESS, addedAt: NOW, label: 'x' }),
    '5430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef962020278',
  ],
  'an ingest progress': [
    encodeIngestProgress({ address: ADDRESS, lastFillAt: NOW, tids: [1, 2] }),
    '5430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef96204020400',
  ],
  'a repair': [
    encodeRepair({ address: ADDRESS, oid: 5, reason: 'fills' }),
    '543078303030303030303030303030303030303030303030303030303030303030303030303030303061610a0a66696c6c73',
  ],
  'a gap': [
    encodeGap({ address: ADDRESS, from: NOW, to: NOW + 1, reason: 'limit' }),
    '5430783030303030303030303030303030303030303030303030303030303030303030303030303030616180a0abfef96282a0abfef9620a6c69'
    + '6d6974',
  ],
  'a token': [
    encodeToken({
      id: 'tok_1', name: 'x', hash: 'ab', actions: ['signals', 'status'], addresses: [ADDRESS], createdAt: NOW, expiresAt: NOW + 1, revokedAt: null,
    }),
    '0a746f6b5f310278046162040e7369676e616c730c73746174757300020254307830303030303030303030303030303030303030303030303030'
    + '3030303030303030303030303061610080a0abfef9620282a0abfef96200',
  ],
  'a webhook': [
    encodeWebhook({
      id: 'wh_1', url: 'https://example.org/', filter: '{"coins":["BTC"]}', secret: 'whsec_1', createdAt: NOW, from: [0, 7], label: 'x',
    }),
    '0877685f312868747470733a2f2f6578616d706c652e6f72672f227b22636f696e73223a5b22425443225d7d0e77687365635f3180a0abfef962'
    + '04000e00020278',
  ],
  'a dead letter': [
    encodeWebhookDeadLetter({
      webhook: 'wh_1', signal: `${ADDRESS}/5/buy`, revision: 2, body: '{}', attempts: 8, reason: 'status 500', at: NOW, resentAt: NOW + 1,
    }),
    '0877685f31603078303030303030303030303030303030303030303030303030303030303030303030303030303061612f352f62757904047b7d'
    + '10147374617475732035303080a0abfef9620282a0abfef962',
  ],
};

for (const [name, [body, hex]] of Object.entries(FIXTURES)) {
  test(`the bytes of ${name} are what they have always been`, () => {
    assert.equal(body.toString('hex'), hex);
  });
}

test('old bytes are read as the records that they were', () => {
  const read = (name: string): Buffer => Buffer.from(FIXTURES[name]?.[1] ?? '', 'hex');
  for (const [name, json] of Object.entries({ 'a full fill': fill, 'a plain fill': plainFill, 'an account snapshot': account })) {
    assert.deepEqual(decodeInput('fills', read(name)), { kind: 'record', json });
  }
  assert.deepEqual(decodeInput('order-updates', read('an order update')), { kind: 'record', json: update });
  assert.deepEqual(decodeSignal(read('a signal')), signal);
  assert.deepEqual(decodeQuarantined(read('a refused record')), quarantined);
  assert.deepEqual(decodeCommit(read('a commit')), commit);
});
