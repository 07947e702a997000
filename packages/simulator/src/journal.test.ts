import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { MarketOptions } from './index.ts';
import { Ledger, market, writeJournal } from './index.ts';

const OPTIONS: MarketOptions = { seed: 'journal', addresses: 3, startAt: 1_760_000_000_000, records: 4_000 };

test('a journal holds the market\'s records, one a line, and says how much it is', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.ndjson');
  const ledger = new Ledger();
  const written = writeJournal(path, OPTIONS, ledger);
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  assert.deepEqual(lines, [...market(OPTIONS)].map((record) => JSON.stringify(record)));
  assert.deepEqual(written, { records: 4_000, bytes: statSync(path).size });
  assert.equal(ledger.counts().records, 4_000);
});

test('a journal without an end is refused', () => {
  const endless = { seed: 1, addresses: 1, startAt: 1_760_000_000_000 };
  assert.throws(() => writeJournal('/nowhere', endless), /expected orders or records/);
});

test('a record has the fields of the contract in their order', () => {
  const keys = (kind: string): readonly string[] => {
    const records = [...market(OPTIONS)].filter((record) => record.kind === kind);
    return [...new Set(records.map((record) => Object.keys(record).join()))].sort();
  };
  assert.deepEqual(keys('fill'), ['kind,address,receivedAt,data', 'kind,address,receivedAt,symbol,data']);
  assert.deepEqual(keys('orderUpdate'), ['kind,address,receivedAt,data']);
  assert.deepEqual(keys('account'), ['kind,address,receivedAt,data']);
  assert.deepEqual(keys('tick'), ['kind,receivedAt']);
});
