// The least that anybody who reads the topics by kafkajs pays: its batches, nothing decoded. Says what it took as JSON.
//
//   node kafka-raw-read.ts BROKERS TOPIC,TOPIC

import { connectionOf, withAdmin } from '@fillstream/kafka';

const [brokers = '', names = ''] = process.argv.slice(2);
const client = connectionOf({ brokers: brokers.split(',') });
const topics = names.split(',');
const ends = await withAdmin(client, async (admin) => await Promise.all(topics.map(async (topic) => await admin.fetchTopicOffsets(topic))));
const total = ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
const consumer = client.consumer({ groupId: `${topics[0] ?? ''}-raw-${String(Date.now())}`, maxBytesPerPartition: 262_144, allowAutoTopicCreation: false });
const done = Promise.withResolvers<void>();
let read = 0;
let began = 0;
let cpu = process.cpuUsage();
await consumer.connect();
await consumer.subscribe({ topics, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    await Promise.resolve();
    if (read === 0) {
      began = performance.now();
      cpu = process.cpuUsage();
    }
    read += batch.messages.length;
    if (read >= total) done.resolve();
  },
});
await done.promise;
const seconds = (performance.now() - began) / 1_000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ records: total, seconds, cpuSeconds: (user + system) / 1e6 }));
await consumer.disconnect();
