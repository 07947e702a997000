// The end of a transaction that comes late: held by a proxy beyond what the client waits for.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Installation } from '../../end-to-end/cluster.ts';
import { KafkaWay, brokersOf } from '../proxy/kafka-way.ts';
import { finished, killed, shuffled, type Counts, type Prepared, type Scenario, type World } from '../world.ts';

/** The client's request timeout is 30 s. */
const HELD_MS = { least: 31_000, most: 36_000 };
const ROUND_LIMIT_MS = 240_000;
const POLL_MS = 100;
/** So many at once: one of each partition. */
const PARTITIONS = { thorough: 10, quick: 3 };
const PROCESSORS = 3;
/** Enough that no partition is done before all of its were held. */
const RECORDS = { thorough: 200_000, quick: 40_000 };
const HOLDS_A_JOURNAL = { thorough: 20, quick: 3 };

const KINDS = [
  { what: 'answers late', side: 'answer', isForEver: false },
  { what: 'answers never', side: 'answer', isForEver: true },
  { what: 'requests late', side: 'request', isForEver: false },
] as const;

export const heldEndTxn: Scenario = {
  name: 'EndTxn held back',
  promise: 'When the end of a transaction, or its answer, comes later than the client waits, nothing is lost, torn or doubled.',
  rounds: 200,
  run: async (world, rounds) => {
    const counts: Counts = {};
    const total = world.thorough ? rounds : HOLDS_A_JOURNAL.quick;
    const most = HOLDS_A_JOURNAL[sizeOf(world)];
    for (let held = 0; held < total;) held += await heldOnce(world, Math.min(total - held, most), counts);
    return counts;
  },
};

/** One journal; returns how many ends were held. */
async function heldOnce(world: World, wanted: number, counts: Counts): Promise<number> {
  const size = sizeOf(world);
  const prepared = await world.prepared({ records: RECORDS[size], addresses: 80, partitions: PARTITIONS[size] });
  const { kafka } = world.servers;
  const ways = await Promise.all(Array.from({ length: PROCESSORS }, async (_, place) => (
    await KafkaWay.open(`processor-${place + 1}`, brokersOf(kafka.bootstrap.split(',')), (text) => assert.fail(text))
  )));
  const processors = ways.map(({ bootstrap }) => (
    new Installation({ ...world.servers, kafka: { ...kafka, bootstrap } }, prepared.installation.namespace).processor()
  ));
  try {
    await Promise.all(processors.map(async (processor) => await processor.heard(/has partitions/)));
    await holdAll(prepared, ways, wanted, counts);
  } finally {
    await Promise.all(processors.map(killed));
    await Promise.all(ways.map(async (way) => await way.close()));
  }
  for (const { stderr } of await Promise.all(processors.map(async ({ ended }) => await ended))) {
    add(counts, 'partitions begun anew', stderr.match(/begins anew/g)?.length ?? 0);
  }
  await finished(prepared);
  return wanted;
}

/** Holds go round the ways until as many were hit; all of them begin at once. */
async function holdAll({ seed }: Prepared, ways: readonly KafkaWay[], wanted: number, counts: Counts): Promise<void> {
  const deadline = performance.now() + ROUND_LIMIT_MS;
  const kinds = shuffled(KINDS);
  const holds = Array.from({ length: wanted }, (_, place) => {
    const { what, side, isForEver } = kinds[place % kinds.length] ?? KINDS[0];
    const forMs = isForEver ? null : HELD_MS.least + Math.random() * (HELD_MS.most - HELD_MS.least);
    return { what, hold: ways[place % ways.length]?.hold({ api: 'EndTxn', side, forMs, times: 1 }) };
  });
  while (holds.some(({ hold }) => hold?.hits !== 1)) {
    const came = holds.filter(({ hold }) => hold?.hits === 1).length;
    assert.ok(performance.now() < deadline, `seed ${seed}: only ${came} of ${wanted} ends of transactions came by`);
    await sleep(POLL_MS);
  }
  for (const { what } of holds) add(counts, what, 1);
  await sleep(HELD_MS.most); // The last of them is late by now.
}

function add(counts: Counts, what: string, more: number): void {
  counts[what] = (counts[what] ?? 0) + more;
}

function sizeOf({ thorough }: World): 'thorough' | 'quick' {
  return thorough ? 'thorough' : 'quick';
}
