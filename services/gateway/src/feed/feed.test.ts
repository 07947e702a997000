import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import type { Filter, From, Signal } from '@fillstream/client';
import fc from 'fast-check';
import { CursorError } from './cursor.ts';
import { SignalFeed, type Subscription } from './feed.ts';
import { compileFilter } from './filter.ts';
import { MemorySource, testAddress, testSignal } from './test-source.ts';

type Got = { readonly cursor: string; readonly signal: Signal };

/** A client that takes so many signals between two calls of `resume`. */
class Client {
  readonly got: Got[] = [];
  readonly said: string[] = [];
  subscription: Subscription | null = null;
  cursor = '';
  room: number;

  constructor(room = Infinity) {
    this.room = room;
  }

  async subscribe(feed: SignalFeed, from: From, filter: Filter = {}): Promise<this> {
    const saying = (what: string) => (cursor: string): void => {
      this.said.push(what);
      this.cursor = cursor;
    };
    this.subscription = await feed.subscribe({
      filter, from, sink: {
        signal: (cursor, json) => {
          this.got.push({ cursor, signal: JSON.parse(json) });
          this.cursor = cursor;
          this.room -= 1;
          return this.room > 0;
        },
        live: saying('live'), behind: saying('behind'), progress: saying('progress'),
      },
    });
    return this;
  }

  get names(): string[] {
    return this.got.map(({ signal }) => nameOf(signal));
  }
}

function nameOf({ id, revision }: Signal): string {
  return `${id} ${String(revision)}`;
}

async function opened(t: TestContext, source: MemorySource, file = ':memory:'): Promise<SignalFeed> {
  const feed = await SignalFeed.open({ source, file, onTrouble: () => undefined });
  const stop = new AbortController();
  const running = feed.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  return feed;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns += 1) {
    assert.ok(turns < 100_000, 'waited too long');
    await soon();
  }
}

/** Until nothing moves any more. */
async function settled(feed: SignalFeed, source: MemorySource): Promise<void> {
  const ends = (await source.bounds()).map(({ high }) => high);
  await until(() => feed.next.every((next, partition) => next >= (ends[partition] ?? 0)));
  for (let turns = 0; turns < 50; turns += 1) await soon();
}

function some(count: number, part: Partial<Signal> = {}): Signal[] {
  return Array.from({ length: count }, () => testSignal(part));
}

test('what comes is handed over once, and in the order of its partition', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const client = await new Client().subscribe(feed, 'latest');
  await until(() => client.said.includes('live'));
  const signals = some(300);
  source.append(signals, { marker: true });
  await settled(feed, source);
  assert.deepEqual(client.names.toSorted(), signals.map(nameOf).toSorted());
  for (const address of new Set(signals.map((signal) => signal.address))) {
    const of = (all: readonly Signal[]): string[] => all.filter((signal) => signal.address === address).map(nameOf);
    assert.deepEqual(of(client.got.map(({ signal }) => signal)), of(signals));
  }
});

test('from the beginning, from a time, from now: each begins there, then goes on live', async (t) => {
  const source = new MemorySource();
  const [early, late] = [some(50, { lastFillAt: 1_000 }), some(50, { lastFillAt: 2_000 })];
  source.append([...early, ...late]);
  const feed = await opened(t, source);
  await settled(feed, source);
  const clients = await Promise.all((['earliest', { since: 2_000 }, 'latest'] as const).map(async (from) => await new Client().subscribe(feed, from)));
  await settled(feed, source);
  const news = some(10);
  source.append(news);
  await settled(feed, source);
  const expected = [[...early, ...late, ...news], [...late, ...news], news];
  assert.deepEqual(clients.map(({ names }) => names.toSorted()), expected.map((signals) => signals.map(nameOf).toSorted()));
  for (const { said } of clients) assert.deepEqual(said, ['live']);
});

test('a snapshot has the latest revision of each signal, and nothing else', async (t) => {
  const source = new MemorySource();
  const first = some(40);
  source.append([...first, ...first.slice(0, 20).map((signal) => ({ ...signal, revision: 2 }))]);
  const feed = await opened(t, source);
  await settled(feed, source);
  const client = await new Client().subscribe(feed, 'snapshot');
  await settled(feed, source);
  assert.deepEqual(client.names.toSorted(), first.map((signal, place) => nameOf({ ...signal, revision: place < 20 ? 2 : 1 })).toSorted());
});

test('a snapshot that is interrupted goes on as one', async (t) => {
  const source = new MemorySource();
  const first = some(100);
  source.append([...first, ...first.map((signal) => ({ ...signal, revision: 2 }))]);
  const feed = await opened(t, source);
  await settled(feed, source);
  const begun = await new Client(30).subscribe(feed, 'snapshot');
  await settled(feed, source);
  begun.subscription?.close();
  const rest = await new Client().subscribe(feed, { cursor: begun.cursor, latestOnly: true });
  await settled(feed, source);
  assert.deepEqual([...begun.names, ...rest.names].toSorted(), first.map((signal) => nameOf({ ...signal, revision: 2 })).toSorted());
});

test('a forgotten order that fills again, and begins at revision 1, is news', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const client = await new Client().subscribe(feed, 'earliest');
  const signal = testSignal({ positionAfter: '5' });
  const again = { ...signal, lastFillAt: signal.lastFillAt + 1, positionAfter: '7' };
  source.append([signal, { ...signal, revision: 2 }, again, signal]);
  await settled(feed, source);
  assert.deepEqual(client.got.map((each) => each.signal), [signal, { ...signal, revision: 2 }, again]);
  assert.deepEqual(feed.model.revisions(signal.id), [again, { ...signal, revision: 2 }, signal]);
  assert.deepEqual(feed.model.order(signal.address, signal.oid), [again]);
});

test('what the log repeats is handed over once', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const client = await new Client().subscribe(feed, 'earliest');
  const signal = testSignal();
  source.append([signal, signal, { ...signal, revision: 2 }, signal, { ...signal, revision: 2 }]);
  await settled(feed, source);
  assert.deepEqual(client.names, [nameOf(signal), nameOf({ ...signal, revision: 2 })]);
});

test('wherever a client is cut off, it goes on from its last cursor at another instance and gets exactly what it lacks', async (t) => {
  const source = new MemorySource(3);
  const instances = [await opened(t, source), await opened(t, source)] as const;
  const filters: readonly Filter[] = [{}, { addresses: [testAddress(1), testAddress(2), testAddress(3)] }, { sides: ['SHORT'] }, { revisions: 'first' }];
  let all: Signal[] = [];
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(9), fc.boolean(), fc.boolean()), { maxLength: 60 }), fc.constantFrom(...filters), fc.nat(30), fc.boolean(),
    async (made, filter, taken, isLate) => {
      const before = all.length;
      const first = await new Client(taken + 1).subscribe(instances[0], 'latest', filter);
      await until(() => first.said.includes('live'));
      const signals = made.map(([address, isShort, isRevision]) => (
        testSignal({ address: testAddress(address), side: isShort ? 'SHORT' : 'LONG', revision: isRevision ? 2 : 1 })
      ));
      source.append(signals.slice(0, 30));
      all = [...all, ...signals];
      await settled(instances[0], source);
      first.subscription?.close();
      if (!isLate) source.append(signals.slice(30));
      const second = await new Client().subscribe(instances[1], { cursor: first.cursor }, filter);
      if (isLate) source.append(signals.slice(30));
      await settled(instances[1], source);
      second.subscription?.close();
      const expected = all.slice(before).filter(compileFilter(filter)).map(nameOf).toSorted();
      assert.deepEqual([...first.names, ...second.names].toSorted(), expected);
    }), { numRuns: 60 });
});

test('a client that takes little at a time is told that it is behind, misses nothing, and is live again', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const client = await new Client(3).subscribe(feed, 'latest');
  await until(() => client.said.includes('live'));
  const signals = some(5_000);
  source.append(signals);
  await settled(feed, source);
  assert.equal(client.got.length, 3);
  assert.deepEqual(client.said, ['live', 'behind']);
  while (client.got.length < 4_999) {
    client.room = 700;
    client.subscription?.resume();
    await settled(feed, source);
  }
  client.room = Infinity;
  client.subscription?.resume();
  source.append(some(1));
  await settled(feed, source);
  assert.equal(new Set(client.names).size, 5_001);
  assert.equal(client.names.length, 5_001);
  assert.deepEqual(client.said.filter((what) => what !== 'progress'), ['live', 'behind', 'live']);
});

test('the cursor moves on where nothing matches', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const source = new MemorySource();
  const feed = await opened(t, source);
  const client = await new Client().subscribe(feed, 'latest', { coins: ['NONE'] });
  await until(() => client.said.includes('live'));
  source.append(some(20));
  await settled(feed, source);
  t.mock.timers.tick(5_000);
  assert.deepEqual(client.said, ['live', 'progress']);
  const resumed = await new Client().subscribe(feed, { cursor: client.cursor });
  await settled(feed, source);
  assert.deepEqual(resumed.names, []);
});

test('a cursor that is forged, of another log or beyond the end is refused', async (t) => {
  const source = new MemorySource(2);
  const feed = await opened(t, source);
  const other = new MemorySource(2);
  const beyond = await opened(t, other);
  other.append(some(10));
  await settled(beyond, other);
  const cursor = beyond.model.page({ filter: {}, order: 'asc', limit: 100 }).next;
  for (const wrong of ['', 'x', '1.AAAA', cursor]) await assert.rejects(new Client().subscribe(feed, { cursor: wrong }), CursorError);
});

test('a read model is kept over a restart, made anew for another log, and when the log isn\'t what it was', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-feed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'gateway.db');
  const troubles: string[] = [];
  const read = async (source: MemorySource): Promise<number> => {
    const feed = await SignalFeed.open({ source, file, onTrouble: (text) => troubles.push(text) });
    const held = feed.model.addresses({ limit: 100 }).addresses.reduce((sum, { signals }) => sum + signals, 0);
    const stop = new AbortController();
    const running = feed.run(stop.signal);
    await settled(feed, source);
    stop.abort();
    await running;
    return held;
  };
  const source = new MemorySource();
  source.append(some(30));
  assert.deepEqual([await read(source), await read(source)], [0, 30]);
  const again = new MemorySource();
  again.append(some(30));
  assert.deepEqual([troubles.length, await read(again), troubles.length], [0, 0, 1]);
  const shorter = new MemorySource();
  shorter.append(some(3));
  assert.deepEqual([await read(shorter), troubles.length], [0, 2]);
  assert.equal(await read(new MemorySource(4, 'another')), 0);
});

test('a damaged read model is made anew, one that another has is refused, and so is a place where none can be', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-feed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'gateway.db');
  const source = new MemorySource();
  source.append(some(30));
  for (const damage of ['no database at all', null]) {
    if (damage !== null) writeFileSync(file, damage.repeat(1_000));
    const feed = await SignalFeed.open({ source, file, onTrouble: () => undefined });
    await assert.rejects(SignalFeed.open({ source, file, onTrouble: () => undefined }), /another process uses the read model/);
    const stop = new AbortController();
    const running = feed.run(stop.signal);
    await settled(feed, source);
    assert.equal(feed.model.page({ filter: {}, order: 'asc', limit: 100 }).signals.length, 30);
    stop.abort();
    await running;
  }
  await assert.rejects(SignalFeed.open({ source, file: folder, onTrouble: () => undefined }), /can't use the read model/);
});

test('a read model that is found damaged while a subscription reads it ends the feed, and the next one makes it anew', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-feed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'gateway.db');
  const source = new MemorySource();
  source.append(some(3_000));
  const first = await SignalFeed.open({ source, file, onTrouble: () => undefined });
  const stop = new AbortController();
  const running = first.run(stop.signal);
  await settled(first, source);
  stop.abort();
  await running;
  const damaged = await SignalFeed.open({ source, file, onTrouble: () => undefined });
  writeFileSync(file, readFileSync(file).fill(0xee, 81_920)); // Pages that nobody has read yet.
  const ended = assert.rejects(damaged.run(new AbortController().signal), /can't use the read model/);
  await new Client().subscribe(damaged, 'earliest');
  await ended;
  const again = await opened(t, source, file);
  const client = await new Client().subscribe(again, 'earliest');
  await settled(again, source);
  await until(() => client.got.length === 3_000);
});

test('pages, forwards and backwards, hand over everything once, newest last and newest first', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  source.append(some(250));
  source.append(some(250));
  await settled(feed, source);
  for (const filter of [{}, { addresses: [testAddress(1), testAddress(5)] }, { coins: ['BTC'] }]) {
    const asked = (order: 'asc' | 'desc'): string[] => {
      const names: string[] = [];
      for (let [next, more]: [string | undefined, boolean] = [undefined, true]; more;) {
        const page = feed.model.page({ filter, order, limit: 70, ...(next === undefined ? {} : order === 'asc' ? { after: next } : { before: next }) });
        names.push(...page.signals.map(({ signal }) => nameOf(signal)));
        [next, more] = [page.next, page.more];
      }
      return names;
    };
    const forwards = asked('asc');
    assert.equal(new Set(forwards).size, 'addresses' in filter ? 100 : 500);
    assert.deepEqual(asked('desc'), forwards.toReversed());
  }
  assert.deepEqual(feed.model.page({ filter: { coins: ['NONE'] }, order: 'desc', limit: 5 }).signals, []);
});

test('a client goes on from the newest page without a gap', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  source.append(some(100));
  await settled(feed, source);
  const { signals: [newest, second] } = feed.model.page({ filter: {}, order: 'desc', limit: 10 });
  const [fromNewest, fromSecond] = [await new Client().subscribe(feed, { cursor: newest?.cursor ?? '' }), await new Client().subscribe(feed, { cursor: second?.cursor ?? '' })];
  const news = some(3);
  source.append(news);
  await settled(feed, source);
  assert.deepEqual(fromNewest.names.toSorted(), news.map(nameOf).toSorted());
  assert.deepEqual(fromSecond.names.toSorted(), [newest?.signal, ...news].flatMap((signal) => (signal === undefined ? [] : [nameOf(signal)])).toSorted());
});

test('positions are those of the latest fills: after a reversal of the leg that opened, whatever was told last', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const address = testAddress(7);
  const at = 1_700_000_000_000;
  const closed = testSignal({ address, oid: 5, direction: 'close', positionAfter: '0', lastFillAt: at });
  source.append([
    testSignal({ address, oid: 4, positionAfter: '2', lastFillAt: at - 1 }), closed,
    testSignal({ address, oid: 5, side: 'SHORT', positionAfter: '-3', lastFillAt: at }), { ...closed, revision: 2 },
    testSignal({ address, coin: 'ETH', symbol: 'ETH', positionAfter: '9', lastFillAt: at - 5 }), testSignal({ address, oid: 3, positionAfter: '1', lastFillAt: at - 2 }),
  ]);
  await settled(feed, source);
  assert.deepEqual(feed.model.positions(address).map(({ coin, size, at: time }) => [coin, size, time]), [['BTC', '-3', at], ['ETH', '9', at - 5]]);
});

test('the curve is closedPnl less fees, exact, over latest revisions alone', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const address = testAddress(8);
  const first = testSignal({ address, closedPnl: '5', fees: { USDC: '1' }, lastFillAt: 1_000 });
  source.append([
    first, { ...first, revision: 2, closedPnl: '10.000000000000000000001', fees: { USDC: '2', HYPE: '0.1' }, lastFillAt: 1_500 },
    testSignal({ address, closedPnl: '-3', fees: { USDC: '-0.5', HYPE: '0.2' }, lastFillAt: 1_200 }),
  ]);
  await settled(feed, source);
  assert.deepEqual(await feed.model.pnl(address), {
    points: [
      { at: 1_200, closedPnl: '-3', fees: '-0.5', net: '-2.5' },
      { at: 1_500, closedPnl: '7.000000000000000000001', fees: '1.5', net: '5.500000000000000000001' },
    ],
    otherFees: { HYPE: '0.3' }, thinned: false,
  });
});

test('an order has its legs, a signal its revisions, an address its counts', async (t) => {
  const source = new MemorySource();
  const feed = await opened(t, source);
  const address = testAddress(9);
  const close = testSignal({ address, oid: 71, direction: 'close' });
  const open = testSignal({ address, oid: 71, side: 'SHORT' });
  source.append([close, open, { ...close, revision: 2 }, testSignal({ address, oid: 710 }), testSignal({ address: testAddress(3) })]);
  await settled(feed, source);
  assert.deepEqual(feed.model.order(address, 71).map(nameOf), [nameOf({ ...close, revision: 2 }), nameOf(open)]);
  assert.deepEqual(feed.model.revisions(close.id).map(({ revision }) => revision), [2, 1]);
  assert.deepEqual(feed.model.revisions('0x/1/open-long'), []);
  const { addresses, next } = feed.model.addresses({ limit: 1, after: testAddress(3) });
  assert.deepEqual([addresses.map(({ address: of, signals, orders }) => [of, signals, orders]), next], [[[address, 4, 2]], null]);
  assert.deepEqual(feed.model.addresses({ limit: 5, only: [address] }).addresses.map(({ address: of }) => of), [address]);
});
