// Whether this login may do what a processor does in exactly-once delivery: tried, with a transactional id that no partition has.

import { connectionOf, kafkaFailure, nameIn, type KafkaOptions } from './connection.ts';

const RETRIES = 10;

/** A transaction without records, which is aborted. Throws PortError when it is refused, or nobody coordinates it. */
export async function tryTransaction(options: KafkaOptions): Promise<void> {
  const producer = connectionOf(options).producer({
    transactionalId: nameIn(options.namespace, 'processor-doctor'), idempotent: true, maxInFlightRequests: 1,
    retry: { initialRetryTime: 20, maxRetryTime: 1_000, retries: RETRIES },
  });
  try {
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.abort();
  } catch (error) {
    throw kafkaFailure('a transaction', error);
  } finally {
    await producer.disconnect();
  }
}
