// Input that can't be read, and input that is no more.

import assert from 'node:assert/strict';
import { connectionOf, withAdmin } from '@fillstream/kafka';
import { NO_ANOMALIES, anomalies, type Installation } from '../../end-to-end/cluster.ts';
import { PARTITIONS, finished, stopped, type Counts, type Scenario } from '../world.ts';

const POISON = 500;
const STOPS_WITHIN_MS = 10_000;
const FIRST = '1760000000000';

export const poison: Scenario = {
  name: 'poison',
  promise: 'What can not be read is quarantined as it came, once, and everything else goes on.',
  rounds: 1,
  run: async (world) => {
    const prepared = await world.prepared({ records: 100_000, addresses: 60 });
    const values = Array.from({ length: POISON }, (_, place) => Buffer.from(place % 2 === 0 ? `no avro ${String(place)}` : [0, 0, 0, 0, 250, place % 256, place >> 8]));
    await send(prepared.installation, (place) => (place % 3 === 0 ? 'order-updates' : 'fills'), values);
    await finished(prepared);
    const kept = (await prepared.installation.quarantine()).map(({ original }) => original.toString('hex')).sort();
    assert.deepEqual(kept, values.map((value) => value.toString('hex')).sort());
    return { 'unreadable records among 100,000': POISON };
  },
};

type Skip = {
  readonly change: (installation: Installation) => Promise<void>;
  /** What the processor says. */
  readonly named: RegExp;
  /** Only a processor that starts can meet it: one that runs has read everything, or can't tell. */
  readonly atStart?: boolean;
};

const SKIPS: Record<string, Skip> = {
  'records deleted before they were read': {
    named: /input would be skipped: \S+ begins at offset \d+/,
    atStart: true,
    change: async (installation) => {
      await send(installation, () => 'fills', Array.from({ length: PARTITIONS * 2 }, (_, place) => Buffer.from(`unread ${String(place)}`)));
      const topic = installation.nameOf('fills');
      await withAdmin(connectionOf(installation.kafka), async (admin) => {
        const ends = await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) });
      });
    },
  },
  'a topic made anew, empty': {
    named: /input would be skipped: \S+ ends at offset 0, .* the topic was made anew|there is no topic/,
    change: async (installation) => {
      await remake(installation, 'fills');
    },
  },
  'a topic made anew, with as many records': {
    named: /input would be skipped: .*: the topic was made anew/,
    atStart: true,
    change: async (installation) => {
      const highs = await remake(installation, 'fills');
      await send(installation, () => 'fills', Array.from({ length: Math.max(...highs) * PARTITIONS }, (_, place) => Buffer.from(`other ${String(place)}`)));
    },
  },
  'partitions added': {
    named: /equal numbers of partitions|had 3 partitions, and now have more/,
    change: async (installation) => {
      await withAdmin(connectionOf(installation.kafka), async (admin) => {
        await admin.createPartitions({ topicPartitions: [{ topic: installation.nameOf('fills'), count: PARTITIONS + 1 }] });
      });
    },
  },
};

export const skippedInput: Scenario = {
  name: 'input that is no more',
  promise: 'Input that can not be read any more stops a processor within 10 s, by name: none is skipped, and nothing is emitted.',
  rounds: 5,
  run: async (world, rounds) => {
    const counts: Counts = {};
    for (let round = 0; round < rounds; round += 1) {
      for (const [what, { change, named, atStart = false }] of Object.entries(SKIPS)) {
        const { installation } = await world.prepared({ records: 10_000 });
        const running = installation.processor();
        await installation.drained(running);
        const isRunning = round % 2 === 0 && !atStart; // Else it happens between two processes.
        if (!isRunning) await stopped(running);
        const before = await installation.signals();
        await change(installation);
        const changedAt = performance.now();
        const { code, stderr } = await (isRunning ? running : installation.processor()).ended;
        assert.deepEqual([code, named.test(stderr)], [1, true], `${what}: ${stderr}`);
        assert.ok(performance.now() - changedAt < STOPS_WITHIN_MS * 3, `${what}: it took too long`); // The bound is of a quiet machine.
        assert.deepEqual(anomalies(await installation.signals(), before), NO_ANOMALIES, what);
        counts[what] = (counts[what] ?? 0) + 1;
      }
    }
    return counts;
  },
};

async function send(installation: Installation, topicOf: (place: number) => string, values: readonly Buffer[]): Promise<void> {
  const producer = connectionOf(installation.kafka).producer();
  await producer.connect();
  const places = values.map((value, place) => ({ topic: installation.nameOf(topicOf(place)), partition: place % PARTITIONS, value }));
  for (const [where, group] of Map.groupBy(places, ({ topic, partition }) => `${topic}/${String(partition)}`)) {
    await producer.send({
      topic: where.slice(0, where.lastIndexOf('/')),
      messages: group.map(({ partition, value }) => ({ value, partition, timestamp: FIRST })),
    });
  }
  await producer.disconnect();
}

/** Deletes a topic and makes it again; returns how many records its partitions had. */
async function remake(installation: Installation, name: string): Promise<number[]> {
  const topic = installation.nameOf(name);
  return await withAdmin(connectionOf(installation.kafka), async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.deleteTopics({ topics: [topic] });
    while ((await admin.listTopics()).includes(topic));
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: PARTITIONS, configEntries: [{ name: 'retention.ms', value: '-1' }] }] });
    return ends.map(({ high }) => Number(high));
  });
}
