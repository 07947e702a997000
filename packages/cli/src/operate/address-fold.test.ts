// The fold of one address beside the fold of the whole partition.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS, Partition, type Address, type Input, type Signal } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import type { LogRecord } from '@fillstream/runtime';
import { market } from '@fillstream/simulator';
import { AddressFold, comingOf, type Coming, type Step } from './address-fold.ts';

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 2 ** 31);
const SETTINGS = { ...DEFAULT_SETTINGS, finishedMs: 20_000, memory: 20 };
const SHARES = { statusMissing: 0.1, lateFills: 0.1, duplicates: 0.1, forced: 0.05, twap: 0.1, statusBefore: 0.5 };

function records(): LogRecord[] {
  return Array.from(market({ seed: SEED, addresses: 6, startAt: 1_760_000_000_000, records: 4_000, shares: SHARES }), (record, offset) => (
    { topic: 0, offset, next: offset + 1, input: readRecord(record), original: JSON.stringify(record) }
  ));
}

/** All signals of a partition, to the end of time. */
function signalsOf(inputs: readonly Input[]): Signal[] {
  const partition = new Partition(SETTINGS);
  const signals: Signal[] = [];
  for (const input of inputs) {
    if (input.receivedAt !== null) partition.state.advance(0, input.receivedAt);
    while (partition.fireNext(signals) === 'fired');
    partition.apply(input, signals);
  }
  while (partition.fireNext(signals, Infinity) === 'fired');
  return signals;
}

function folded(all: readonly LogRecord[], address: Address, onStep: (step: Step<LogRecord>, fold: AddressFold<LogRecord>) => void): void {
  const fold: AddressFold<LogRecord> = new AddressFold({ settings: SETTINGS, clocks: 1, address, mentions: () => null, onStep: (step) => onStep(step, fold) });
  for (const record of all) fold.apply(record, 0);
  fold.runToTheEnd();
}

const all = records();
const expected = Map.groupBy(signalsOf(all.map(({ input }) => input)), ({ address }) => address);

test('an address folded by itself gives the signals that the partition gives for it', () => {
  assert.ok(expected.size > 3, `TEST_SEED=${String(SEED)}`);
  for (const [address, signals] of expected) {
    const found: Signal[] = [];
    folded(all, address, (step) => found.push(...step.signals));
    assert.deepEqual(found, signals, `TEST_SEED=${String(SEED)}`);
  }
});

test('what is said to come when nothing more comes is what comes', () => {
  for (const address of expected.keys()) {
    const coming = new Map<number, readonly Coming[]>();
    folded(all, address, (step, fold) => {
      const next = coming.get(step.oid)?.[0];
      if (step.kind === 'timer') assert.deepEqual([next?.at, next?.what, next?.signals], [step.deadline, step.what, step.signals], `TEST_SEED=${String(SEED)}`);
      const order = fold.order(step.oid);
      if (order === null) coming.delete(step.oid);
      else if (isChange(step)) coming.set(step.oid, comingOf(order, address, SETTINGS, fold.now));
      else coming.set(step.oid, coming.get(step.oid)?.slice(step.kind === 'timer' ? 1 : 0) ?? []);
    });
  }
});

test('every verdict agrees with the order before and after', () => {
  const seen = new Set<string>();
  for (const address of expected.keys()) {
    folded(all, address, (step) => {
      seen.add(step.kind === 'record' ? step.verdict.kind : step.what);
      if (step.kind !== 'record') return;
      const hasChanged = JSON.stringify(step.before) !== JSON.stringify(step.after);
      assert.equal(hasChanged, step.verdict.kind === 'counted' || step.verdict.kind === 'won', `${step.verdict.kind}, TEST_SEED=${String(SEED)}`);
      if (step.verdict.kind === 'counted') assert.equal(step.after?.ledger?.fills, (step.before?.ledger?.fills ?? 0) + 1);
    });
  }
  for (const kind of ['counted', 'won', 'duplicate', 'signalled', 'finished']) assert.ok(seen.has(kind), `${kind}, TEST_SEED=${String(SEED)}`);
});

function isChange(step: Step<LogRecord>): boolean {
  return step.kind === 'record' && (step.verdict.kind === 'counted' || step.verdict.kind === 'won');
}
