// The fold against the oracle, an independent and naive reading of the contract, on journals in which its rules collide.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exact } from '../../../test/oracle/exact.ts';
import { journal, type Journal } from '../../../test/oracle/journals.ts';
import { fold } from '../../../test/oracle/oracle.ts';
import { read, type Readable } from '../../../test/oracle/records.ts';
import type { Counts } from './counts.ts';
import { parseDecimal, type Decimal } from './decimal.ts';
import type { Address, Input, RefusalReason } from './input.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import type { Signal } from './signal.ts';
import { Story, oidOf } from './test-records.ts';

const SEEDS = 60;
const LINES = 150;

type Told = { readonly signals: readonly Signal[]; readonly refused: readonly RefusalReason[]; readonly counts: Counts };

function settingsOf({ smallBelow, mediumBelow, ...others }: Journal['settings']): Settings {
  return {
    ...DEFAULT_SETTINGS, ...others,
    smallBelow: smallBelow === undefined ? DEFAULT_SETTINGS.smallBelow : parseDecimal(String(smallBelow)),
    mediumBelow: mediumBelow === undefined ? DEFAULT_SETTINGS.mediumBelow : parseDecimal(String(mediumBelow)),
  };
}

function decimalOf({ units, places }: Exact): Decimal {
  return { units, scale: places };
}

/** The address in lower case, as a parser hands it over; null for what is none. */
function addressOf(record: Exclude<Readable, { kind: 'tick' }>): Address | null {
  return /^0x[0-9a-fA-F]{40}$/.test(record.address) ? record.address.toLowerCase() as Address : null;
}

function inputOf(line: string): Input {
  const { receivedAt, readable } = read(line);
  if (receivedAt === undefined || readable === undefined) return { kind: 'unusable', reason: 'malformed', receivedAt: receivedAt ?? null, record: null };
  if (readable.kind === 'tick') return { kind: 'tick', receivedAt };
  const address = addressOf(readable);
  if (address === null) {
    return { kind: 'unusable', reason: 'bad-address', receivedAt, record: readable.kind === 'noTrade' ? 'fill' : readable.kind };
  }
  switch (readable.kind) {
    case 'noTrade': return { kind: 'noTrade', address, receivedAt };
    case 'account': return { kind: 'account', address, receivedAt, time: readable.time, accountValue: decimalOf(readable.accountValue) };
    case 'orderUpdate': {
      const { oid, status, statusTimestamp, sz, origSz, reduceOnly } = readable;
      const update = { oid: oidOf(oid), status, statusTimestamp, sz: decimalOf(sz), origSz: decimalOf(origSz), reduceOnly };
      return { kind: 'orderUpdate', address, receivedAt, update };
    }
    case 'fill': {
      const { coin, side, time, dir, feeToken, tid, hash, cloid, twapId, liquidatedUser } = readable;
      const fill = {
        coin, side, time, dir, feeToken, tid, hash, cloid, twapId, liquidatedUser: liquidatedUser?.toLowerCase() ?? null,
        oid: oidOf(readable.oid), px: decimalOf(readable.px), sz: decimalOf(readable.sz), startPosition: decimalOf(readable.startPosition),
        closedPnl: decimalOf(readable.closedPnl), fee: decimalOf(readable.fee),
      };
      return { kind: 'fill', address, receivedAt, symbol: readable.symbol ?? coin, fill };
    }
  }
}

function folded({ lines, settings }: Journal): Told {
  const story = new Story(settingsOf(settings));
  const signals: Signal[] = [];
  const refused: RefusalReason[] = [];
  for (const line of lines) {
    const reply = story.play(inputOf(line));
    signals.push(...reply.fired, ...reply.signals);
    if (reply.outcome.kind === 'refused') refused.push(reply.outcome.reason);
  }
  signals.push(...story.fire(Infinity));
  return { signals, refused, counts: story.counts };
}

test('any journal gives the signals, refusals and counts that the oracle gives, byte for byte', () => {
  const seen = { signals: 0, revisions: 0, finished: 0, lateFills: 0, refused: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const made = journal(seed, LINES);
    const told = folded(made);
    const expected = fold(made.lines, made.settings);
    assert.deepEqual(told.signals.map((signal) => JSON.stringify(signal)), expected.signals.map((signal) => JSON.stringify(signal)), `seed ${seed}`);
    assert.deepEqual(told.refused, expected.quarantine.map(({ reason }) => reason), `seed ${seed}`);
    assert.deepEqual(told.counts, expected.counts, `seed ${seed}`);
    for (const name of ['signals', 'revisions', 'finished', 'lateFills'] as const) seen[name] += told.counts[name];
    seen.refused += told.refused.length;
  }
  for (const [what, times] of Object.entries(seen)) assert.ok(times > SEEDS, `${what}: ${String(times)}`);
});
