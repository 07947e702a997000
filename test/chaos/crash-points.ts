// Kills the process it is loaded into at a named point: `node --import crash-points.ts … ` with CRASH_AT=NAME:HIT.
//
// The points lie around every side effect of a partition's take-over and of its commits. The code under test is the command
// itself: what is wrapped here are the calls it makes of its clients and its ports.
//
// C1  Before the end the name is written to standard error, at once: a killed process tells nothing later.
// C2  A point that is named after something going on kills while the call is under way, some moments after it was made.

import { writeSync } from 'node:fs';
import { KafkaLog } from '@fillstream/kafka';
import { RedisStore } from '@fillstream/redis';
import { Kafka, type Admin, type Producer, type Transaction } from 'kafkajs';
import { CRASHED, type CrashPoint } from './crash-point-names.ts';

const LONGEST_MS = 6;
const [wanted = '', hit = '1'] = (process.env['CRASH_AT'] ?? '').split(':');
let left = Number(hit);

function isNow(point: CrashPoint): boolean {
  if (point !== wanted) return false;
  left -= 1;
  return left === 0;
}

function die(point: CrashPoint): void {
  writeSync(2, `${CRASHED} ${point}\n`); // C1
  process.kill(process.pid, 'SIGKILL');
}

function reached(point: CrashPoint): void {
  if (isNow(point)) die(point);
}

/** C2. */
async function during<T>(point: CrashPoint, call: () => Promise<T>): Promise<T> {
  const under = call();
  if (isNow(point)) setTimeout(die, Math.random() * LONGEST_MS, point);
  return await under;
}

// ---- Kafka

/** Replaces a method; `original` is called as the method was. */
function wrap<O extends object, K extends keyof O>(object: O, name: K, wrapped: (original: O[K]) => O[K]): void {
  object[name] = wrapped(object[name]);
}

wrap(Kafka.prototype, 'producer', (original) => function producer(this: Kafka, config): Producer {
  const made = original.call(this, config);
  let fenced = false;
  wrap(made, 'transaction', (begin) => async () => {
    const transaction = await begin();
    if (fenced) return watched(transaction);
    fenced = true;
    return fencing(transaction);
  });
  return made;
});

/** The first transaction of a producer is its fence. */
function fencing(transaction: Transaction): Transaction {
  reached('fence begun');
  wrap(transaction, 'abort', (abort) => async () => {
    await abort();
    reached('fenced');
  });
  return transaction;
}

function watched(transaction: Transaction): Transaction {
  reached('transaction begun');
  wrap(transaction, 'send', (send) => async (record) => {
    const sent = await during('sending', async () => await send(record));
    reached('sent');
    return sent;
  });
  wrap(transaction, 'sendOffsets', (sendOffsets) => async (offsets) => {
    reached('all sent');
    await during('sending offsets', async () => {
      await sendOffsets(offsets);
    });
    reached('offsets sent');
  });
  wrap(transaction, 'commit', (commit) => async () => {
    await during('committing', async () => {
      await commit();
    });
    reached('committed');
  });
  return transaction;
}

wrap(Kafka.prototype, 'admin', (original) => function admin(this: Kafka, config): Admin {
  const made = original.call(this, config);
  wrap(made, 'fetchOffsets', (fetchOffsets) => async (options) => {
    const offsets = await fetchOffsets(options);
    reached('offsets read');
    return offsets;
  });
  return made;
});

// ---- Redis

/** Partitions whose state was emptied here: their replay is a rebuild. */
const emptied = new Set<number>();

wrap(RedisStore.prototype, 'claim', (original) => async function claim(this: RedisStore, partition) {
  const owner = await original.call(this, partition);
  reached('claimed');
  return owner;
});

wrap(RedisStore.prototype, 'prefetch', (original) => async function prefetch(this: RedisStore, ...args) {
  const fetched = await original.apply(this, args);
  reached('prefetched');
  return fetched;
});

wrap(RedisStore.prototype, 'checkpoint', (original) => async function checkpoint(this: RedisStore, ...args) {
  const written = await during('writing a checkpoint', async () => await original.apply(this, args));
  reached('checkpoint written');
  return written;
});

wrap(RedisStore.prototype, 'reset', (original) => async function reset(this: RedisStore, owner, start) {
  const done = await during('resetting', async () => await original.call(this, owner, start));
  emptied.add(owner.partition);
  reached('reset');
  return done;
});

// ---- Replays

wrap(KafkaLog.prototype, 'open', (original) => async function open(this: KafkaLog, partition) {
  const log = await original.call(this, partition);
  const replay = log.replay.bind(log);
  log.replay = async function* replaying(from) {
    for await (const step of replay(from)) {
      yield step;
      reached(emptied.has(partition) ? 'inside a rebuild' : 'inside a replay');
    }
  };
  return log;
});
