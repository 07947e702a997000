// Kafka that is away for ten minutes, while the exchange is five times as busy as usual.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTopic, unframed } from '@fillstream/kafka';
import { decodeInput } from '@fillstream/schemas';
import { peakMiB } from '../../bench/kafka-machine.ts';
import { LivePlace } from '../live-place.ts';
import type { Scenario } from '../world.ts';

/** What one IP can watch. */
const ADDRESSES = 10;
/** The usual load is that of the simulator's markets: 20 orders a second, about 70 records. */
const ORDERS_PER_SECOND = 5 * 20;
const AWAY_MS = { thorough: 600_000, quick: 10_000 };
/** A quick market is done sooner. */
const BEFORE_MS = { thorough: 30_000, quick: 2_000 };
const PATIENCE_MS = { thorough: 900_000, quick: 180_000 };
/** An ingestor that has watched ten busy addresses for ten minutes remembers their last records, and takes about 300. */
const GREATEST_MIB = 512;

export const kafkaOutage: Scenario = {
  name: 'Kafka stopped',
  promise: 'While Kafka is away for ten minutes at five times the usual load, an ingestor with a spill file stays bounded in memory, and writes all of it after, in order.',
  rounds: 1,
  run: async (world, rounds) => {
    const [awayMs, beforeMs, patienceMs] = [AWAY_MS, BEFORE_MS, PATIENCE_MS].map(({ thorough, quick }) => (world.thorough ? thorough : quick));
    const servers = await world.ownServers();
    const [broker] = servers.kafka.nodes;
    assert.ok(broker !== undefined);
    const peaks: number[] = [];
    let [fills, spilled] = [0, 0];
    for (let round = 0; round < rounds; round += 1) {
      await LivePlace.in(world, { addresses: ADDRESSES, ordersPerSecond: ORDERS_PER_SECOND, servers }, async (place) => {
        const spill = world.path(`${String(place.seed)}.spill`);
        const running = place.ingestor({}, '--spill', spill);
        await place.untilWatched(running);
        await sleep(beforeMs);
        await broker.process.kill();
        await sleep(awayMs ?? 0);
        spilled += statSync(spill).size;
        await broker.process.start();
        await running.heard(/the spill file is empty again/);
        fills += (await place.complete(patienceMs)).fills;
        peaks.push(peakMiB(running.pid));
        assert.ok(Math.max(...peaks) < GREATEST_MIB, `${peaks.map(Math.ceil).join(', ')} MiB of memory`);
        await assertInOrder(place);
        return {};
      });
    }
    return {
      outages: rounds, 's without Kafka': Math.round((awayMs ?? 0) / 1_000), fills, 'MiB in the spill file': Math.ceil(spilled / 2 ** 20),
      'MiB of memory, at most': Math.ceil(Math.max(...peaks)),
    };
  },
};

/** What came over the socket lies on the topics in the order of its arrival, whatever was written twice. */
async function assertInOrder({ installation: { kafka } }: LivePlace): Promise<void> {
  for (const topic of ['fills', 'order-updates'] as const) {
    const [seen, latest] = [new Set<string>(), new Map<string, number>()];
    for (const { key, value } of await readTopic(kafka, topic)) {
      const decoded = decodeInput(topic, unframed(value) ?? Buffer.alloc(0));
      if (key === null || decoded.kind !== 'record' || !isFromSocket(decoded.json)) continue;
      const text = JSON.stringify(decoded.json);
      if (seen.has(text)) continue;
      seen.add(text);
      const { receivedAt } = decoded.json;
      assert.ok(receivedAt >= (latest.get(key) ?? 0), `${topic}: of ${key}, ${String(receivedAt)} comes after ${String(latest.get(key))}`);
      latest.set(key, receivedAt);
    }
    assert.ok(seen.size > 0, topic);
  }
}

function isFromSocket(json: unknown): json is { readonly receivedAt: number } {
  return typeof json === 'object' && json !== null && 'source' in json && json.source === 'ws' && 'receivedAt' in json && typeof json.receivedAt === 'number';
}
