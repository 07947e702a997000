import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Signal } from '@fillstream/client';
import { testSignal } from '../feed/test-source.ts';
import type { LogSignal } from './log-signal.ts';
import type { Answer, Post } from './sender.ts';
import { WebhookQueue, type GivenUp, type QueueOptions } from './webhook-queue.ts';

const PATIENCE_MS = 20_000;
const FAILED: Answer = { kind: 'status', ms: 1, reason: 'status 500', retryAfterMs: null };
const TAKEN: Answer = { kind: 'taken', ms: 1 };
const [A, B] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`];

function recordAt(offset: number, address = A, partition = 0): LogSignal {
  const signal = testSignal({ address, oid: offset });
  return { partition, offset, signal, body: JSON.stringify(signal), emittedAt: NaN };
}

type World = { readonly queue: WebhookQueue; readonly posts: Post[]; readonly dead: GivenUp[]; readonly states: string[] };

/** A queue of partition 0 from offset 0 on; `send` is asked by the order's number and how often it was sent before. */
function world(send: (oid: number, before: number) => Answer | Promise<Answer>, more: { readonly limits?: Partial<QueueOptions['limits']>; readonly attempts?: number; readonly matches?: (signal: Signal) => boolean } = {}): World {
  const [posts, dead, states]: [Post[], GivenUp[], string[]] = [[], [], []];
  const queue = new WebhookQueue({
    target: { id: 'wh_1', url: 'http://x/', secret: 's' },
    matches: more.matches ?? (() => true),
    retry: { attempts: more.attempts ?? 3, firstWaitMs: 2, greatestWaitMs: 10 },
    limits: { queued: 100, inFlight: 4, patienceMs: 60_000, brokenAfter: 100, ...more.limits },
    send: async (_, post) => {
      const before = posts.filter(({ id }) => id === post.id).length;
      posts.push(post);
      await sleep(1);
      return await send(Number(post.id.split('/')[1]), before);
    },
    onGivenUp: async (given) => {
      await sleep(1);
      dead.push(given);
    },
    onState: (state) => states.push(state),
    onRoom: () => undefined,
    onFailure: (error) => {
      throw error;
    },
  });
  queue.open(0, 0);
  return { queue, posts, dead, states };
}

async function settled({ queue }: Pick<World, 'queue'>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (queue.length > 0) {
    assert.ok(performance.now() < deadline, 'it is never settled');
    await sleep(2);
  }
}

function oids(posts: readonly Post[]): number[] {
  return posts.map(({ id }) => Number(id.split('/')[1]));
}

test('signals of an address go out in the order of the log, one after the other, however often one fails', async () => {
  const place = world((oid, before) => (oid === 2 && before < 2 ? FAILED : TAKEN));
  for (const offset of [1, 2, 3]) assert.ok(place.queue.offer(recordAt(offset)));
  await settled(place);
  assert.deepEqual(oids(place.posts), [1, 2, 2, 2, 3]);
  assert.deepEqual(place.dead, []);
});

test('an address whose signals aren\'t taken holds up no other', async () => {
  const held = Promise.withResolvers<Answer>();
  const place = world((oid) => (oid === 0 ? held.promise : TAKEN));
  for (let offset = 0; offset < 6; offset += 1) place.queue.offer(recordAt(offset, offset % 2 === 0 ? A : B));
  while (place.posts.length < 4) await sleep(2);
  assert.deepEqual(oids(place.posts).filter((oid) => oid % 2 === 1), [1, 3, 5]);
  assert.equal(place.queue.positionOf(0), 0);
  held.resolve(TAKEN);
  await settled(place);
  assert.equal(place.queue.positionOf(0), 6);
});

test('what isn\'t taken after all tries is a dead letter, and is owed until that is durable', async () => {
  const written = Promise.withResolvers<undefined>();
  const dead: GivenUp[] = [];
  const queue = new WebhookQueue({
    target: { id: 'wh_1', url: 'http://x/', secret: 's' }, matches: () => true, retry: { attempts: 2, firstWaitMs: 1, greatestWaitMs: 1 },
    limits: { queued: 10, inFlight: 1, patienceMs: 60_000, brokenAfter: 9 }, send: async () => await Promise.resolve(FAILED),
    onGivenUp: async (given) => {
      dead.push(given);
      await written.promise;
    },
    onRoom: () => undefined, onFailure: () => undefined,
  });
  queue.open(0, 0);
  const record = recordAt(4);
  queue.offer(record);
  while (dead.length === 0) await sleep(2);
  assert.deepEqual(dead, [{ post: { id: record.signal.id, revision: record.signal.revision, body: record.body }, attempts: 2, why: 'tries', reason: 'status 500' }]);
  assert.equal(queue.positionOf(0), 4);
  written.resolve(undefined);
  await settled({ queue });
  assert.equal(queue.positionOf(0), 5);
});

test('what may not be posted to isn\'t tried again', async () => {
  const place = world(() => ({ kind: 'refused', ms: 1, reason: 'its address isn\'t public' }));
  place.queue.offer(recordAt(1));
  await settled(place);
  assert.deepEqual(place.dead.map(({ attempts, why }) => [attempts, why]), [[1, 'refused']]);
});

test('a webhook that has taken nothing for long is broken: each batch costs one try, until one is taken', async () => {
  let isDown = true;
  const place = world(() => (isDown ? FAILED : TAKEN), { limits: { brokenAfter: 2, inFlight: 2 }, attempts: 2 });
  for (const offset of [0, 1]) place.queue.offer(recordAt(offset, offset === 0 ? A : B));
  await settled(place);
  assert.deepEqual([place.states, place.posts.length, place.queue.isBroken], [['broken'], 4, true]);
  for (let offset = 2; offset < 30; offset += 1) place.queue.offer(recordAt(offset, `0x${String(offset).padStart(40, '0')}`));
  await settled(place);
  assert.equal(place.posts.length, 5, 'one try for all that came together');
  assert.equal(place.dead.length, 30);
  assert.ok(place.dead.slice(2).every(({ why, attempts }) => why === 'broken' && attempts <= 1));
  isDown = false;
  for (let offset = 30; offset < 40; offset += 1) place.queue.offer(recordAt(offset, `0x${String(offset).padStart(40, '0')}`));
  await settled(place);
  assert.deepEqual([place.states, place.posts.length, place.dead.length], [['broken', 'working'], 15, 30]);
  assert.equal(place.queue.positionOf(0), 40);
});

test('a signal that is taken between two that aren\'t keeps a webhook from being broken', async () => {
  const place = world((oid) => (oid % 2 === 0 ? FAILED : TAKEN), { limits: { brokenAfter: 2 }, attempts: 1 });
  for (let offset = 0; offset < 20; offset += 1) place.queue.offer(recordAt(offset));
  await settled(place);
  assert.deepEqual([place.states, place.dead.length], [[], 10]);
});

test('what has waited for too long is tried once', async () => {
  const place = world(() => FAILED, { limits: { patienceMs: 0 }, attempts: 5 });
  for (const offset of [0, 1]) place.queue.offer(recordAt(offset));
  await settled(place);
  assert.deepEqual(place.dead.map(({ attempts, why }) => [attempts, why]), [[1, 'late'], [1, 'late']]);
});

test('no more than so many are held, and posted at a time; what there is no room for stays on the log', async () => {
  let [open, greatest] = [0, 0];
  const place = world(async () => {
    open += 1;
    greatest = Math.max(greatest, open);
    await sleep(5);
    open -= 1;
    return TAKEN;
  }, { limits: { queued: 20, inFlight: 3 } });
  let offset = 0;
  while (place.queue.offer(recordAt(offset, `0x${String(offset).padStart(40, '0')}`))) offset += 1;
  assert.deepEqual([offset, place.queue.reachedOf(0)], [20, 20]);
  await settled(place);
  assert.equal(greatest, 3);
  assert.ok(place.queue.offer(recordAt(20)));
});

test('what it doesn\'t want needs no room, and what was taken already is passed over', async () => {
  const place = world(() => TAKEN, { limits: { queued: 1 }, matches: ({ address }) => address === A });
  assert.ok(place.queue.offer(recordAt(0)));
  assert.ok(place.queue.offer(recordAt(1, B)));
  assert.ok(place.queue.offer(recordAt(0)));
  assert.equal(place.queue.reachedOf(0), 2);
  await settled(place);
  assert.deepEqual(oids(place.posts), [0]);
});

test('a partition that is another process\' now is dropped, and what is under way of it counts no more', async () => {
  const held = Promise.withResolvers<Answer>();
  const place = world((oid) => (oid === 0 ? held.promise : TAKEN));
  place.queue.open(1, 0);
  for (const offset of [0, 1]) place.queue.offer(recordAt(offset));
  place.queue.offer(recordAt(5, B, 1));
  place.queue.drop(0);
  place.queue.open(0, 0);
  held.resolve(TAKEN);
  await settled(place);
  assert.deepEqual(oids(place.posts).sort(), [0, 5]);
  assert.deepEqual([place.queue.positionOf(0), place.queue.positionOf(1)], [0, 6]);
});

test('stopping ends what waits, and leaves what isn\'t settled owed', async () => {
  const place = world(() => FAILED, { attempts: 1_000 });
  for (const offset of [3, 4]) place.queue.offer(recordAt(offset));
  while (place.posts.length === 0) await sleep(2);
  await place.queue.stop(1_000);
  assert.deepEqual([place.queue.positionOf(0), place.dead, place.queue.inFlight], [3, [], 0]);
});
