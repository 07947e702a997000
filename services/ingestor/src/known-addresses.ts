// Which addresses an installation knows already: old records of such an address come too late for it (contract §7).

import { TopicTail, readTopic, type KafkaOptions } from '@fillstream/kafka';
import { Watchlist } from './watchlist.ts';

/** The addresses that are watched, or were: those on the watchlist, and those with a fill from an ingestor. Throws PortError. */
export async function watchedAddresses(kafka: KafkaOptions): Promise<ReadonlySet<string>> {
  const watchlist = new Watchlist();
  const [listed, progress] = await Promise.all([readTopic(kafka, 'watchlist'), readTopic(kafka, 'ingest-progress')]);
  for (const record of listed) watchlist.add(record);
  return new Set([...watchlist.addresses, ...progress.flatMap(({ key }) => key ?? [])]);
}

/** Those of the addresses that have records on `fills`. Reads the whole topic. Throws PortError. */
export async function addressesWithFills(kafka: KafkaOptions, addresses: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const tail = await TopicTail.follow(kafka, 'fills', {
    onRecord: ({ key }) => {
      if (key !== null && addresses.has(key)) found.add(key);
    },
  });
  await tail.close();
  return found;
}
