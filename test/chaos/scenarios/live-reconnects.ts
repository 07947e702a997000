// A feed of ten addresses whose connections end again and again, by every fault that the fake exchange knows: with all limits and
// periods divided by one factor on both sides, and as they are.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { periodsOf } from '@fillstream/hyperliquid/live';
import type { Signal } from '@fillstream/schemas';
import { FakeExchange, type Fault, type FaultKind, type FaultOptions } from '@fillstream/simulator/exchange';
import { fillstream, linesOf } from '../../end-to-end/command.ts';
import { assertUntouched, keyOf, missing, startFeed, type World as Live } from '../../end-to-end/live.ts';
import { until } from '../../end-to-end/until.ts';
import { assertWithinLimits, difference, ledgerSums, seeded, signalSums } from '../judge.ts';
import { between, shuffled, type Counts, type Scenario, type World } from '../world.ts';

const ADDRESSES = 10;
const ORDERS_PER_SECOND = 40;
const SCALE = 30;
/** An audit looks for what is missing up to so long ago. */
const AUDIT_BEHIND_MS = 30_000;
/** Of a round. */
const RECONNECTS = 50;
/** Between two faults, on the exchange's clock of limits. */
const EVERY_MS = 2_400;
/** As much as the slowest look for what is missing takes, and more. */
const PATIENCE_MS = { anyway: 60_000, scaled: 1_500_000 };
const POLL_MS = 250;
/** Of those faults that may strike an address or all. */
const ALL_SHARE = 0.1;

/** `forMs` is divided by the factor too. */
type Plan = readonly [kind: FaultKind, options?: FaultOptions];

const PLANS: readonly Plan[] = [
  ['cut'], ['cut', { how: 'end' }], ['cut'], ['half-open'], ['expire'], ['expire'], ['truncate', { how: 'fragment' }], ['rubbish', { how: 'utf8' }],
  ['slow', { bytesPerSecond: 5_000, forMs: 9_000 }], ['repeat-snapshot'], ['rubbish'], ['rubbish', { how: 'text' }], ['rubbish', { how: 'shape' }],
  ['reorder', { times: 3 }], ['duplicate', { times: 3 }], ['lose'], ['truncate', { times: 2 }],
  ['error-reply'], ['missing-ack'], ['missing-ack', { how: 'unanswered' }], ['limit-refusal'],
  ['refuse-connect'], ['refuse-connect', { how: 'hang' }], ['refuse-connect', { how: 'tcp', forMs: 6_000 }],
  ['rest-429'], ['rest-500', { times: 3 }], ['rest-hang'], ['rest-truncated', { times: 2 }], ['rest-truncated', { how: 'socket' }],
  ['rest-invalid', { times: 2 }], ['rest-invalid', { how: 'shape', times: 2 }], ['rest-empty', { times: 3 }],
];

export const reconnects: Scenario = {
  name: 'reconnects',
  promise: 'A feed that every fault of the exchange makes reconnect misses and doubles no fill, and never goes beyond a limit.',
  rounds: 19,
  run: async (world, rounds) => await reconnected(world, rounds, SCALE),
};

export const reconnectsInRealTime: Scenario = {
  name: 'limits in real time',
  promise: 'The same at the exchange\'s own limits and periods.',
  rounds: 1,
  elsewhere: '`reconnects` does the same with shorter periods',
  run: async (world, rounds) => await reconnected(world, rounds, 1),
};

async function reconnected(world: World, rounds: number, scale: number): Promise<Counts> {
  const counts: Counts = {};
  for (let round = 0; round < rounds; round += 1) {
    const { seed } = world.next();
    const more = await seeded(seed, async () => await oneRound(world.path(String(seed)), seed, scale));
    for (const [what, count] of Object.entries(more)) counts[what] = (counts[what] ?? 0) + count;
  }
  return counts;
}

async function oneRound(path: string, seed: number, scale: number): Promise<Counts> {
  const exchange = await FakeExchange.start({ seed, addresses: ADDRESSES, ordersPerSecond: ORDERS_PER_SECOND, scale, lifetimeMs: null });
  const live = startFeed(exchange, {
    periods: periodsOf(scale), settings: { overlapMs: 300_000 / scale, auditBehindMs: AUDIT_BEHIND_MS / scale },
  });
  const patienceMs = PATIENCE_MS.anyway + PATIENCE_MS.scaled / scale;
  try {
    await until('all are live', () => areLive(live), { patienceMs, everyMs: POLL_MS });
    const faults = await struck(live, scale);
    exchange.clearFaults();
    await sleep(AUDIT_BEHIND_MS / scale); // Time stands still after a halt: what vanished just before would never be so long ago.
    exchange.halt();
    await until('no fill is missing', () => missing(live).length === 0, { patienceMs, everyMs: POLL_MS });
    await until('all are live', () => areLive(live), { patienceMs, everyMs: POLL_MS });
    await live.feed.close();
    assertExact(live);
    await assertSignals(live, path);
    const hits = Map.groupBy(faults, ({ kind }) => kind);
    return {
      reconnects: reconnectsOf(live), fills: exchange.ledger.fills().length,
      ...Object.fromEntries(Array.from(hits, ([kind, group]) => [kind, group.reduce((sum, fault) => sum + fault.hits, 0)])),
    };
  } finally {
    await live.feed.close().catch(() => undefined); // What ended it has been thrown.
    await exchange.close();
  }
}

/** All faults, in any order, again and again, until there were enough reconnects and each kind has struck. */
async function struck(live: Live, scale: number): Promise<Fault[]> {
  const faults: Fault[] = [];
  const isEnough = (): boolean => reconnectsOf(live) >= RECONNECTS && PLANS.every(([kind]) => faults.some((fault) => fault.kind === kind && fault.hits > 0));
  while (!isEnough()) {
    for (const [kind, options = {}] of shuffled(PLANS)) {
      const [address] = shuffled(live.exchange.addresses);
      const isForAll = options.how === 'tcp' || Math.random() < ALL_SHARE;
      faults.push(live.exchange.fault(kind, {
        ...options, ...(isForAll ? {} : { address }), ...(options.forMs === undefined ? {} : { forMs: options.forMs / scale }),
      }));
      await sleep(between(0, 2 * EVERY_MS / scale));
    }
  }
  return faults;
}

function reconnectsOf({ events }: Live): number {
  return events.filter(({ kind }) => kind === 'connected').length - ADDRESSES;
}

function areLive({ feed }: Live): boolean {
  return feed.status().addresses.every(({ state }) => state === 'live');
}

/** Each fill once, as it was; nothing told as a gap; in each address' order; within the limits. */
function assertExact(live: Live): void {
  const { sink, exchange } = live;
  const keys = sink.fills().map(({ address, data }) => keyOf(address, data));
  assert.deepEqual([sink.problems, sink.gaps, keys.length - new Set(keys).size], [[], [], 0], 'trouble, gaps, fills that came twice');
  assertUntouched(live);
  assertWithinLimits(exchange);
}

/** What was handed on, as a journal, gives the signals that the ledger's own sums are. */
async function assertSignals({ sink, exchange }: Live, path: string): Promise<void> {
  const [journal, out] = [`${path}.ndjson`, `${path}.signals.ndjson`];
  writeFileSync(journal, sink.records.filter(({ kind }) => kind !== 'raw').map((record) => `${JSON.stringify(record)}\n`).join(''));
  const { code, stderr } = await fillstream(['run', '--journal', journal, '--out', out]);
  assert.equal(code, 0, stderr);
  const wrong = difference(signalSums(linesOf(out).map(signalOf)), ledgerSums(exchange));
  assert.equal(wrong, null, wrong ?? '');
}

/* Written by `run`. */
function signalOf(line: string): Signal {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(line) as Signal;
}

