// A consumer that outlives what passes. The client begins anew by itself after most failures; not while no broker knows the
// group's coordinator, as it is after a broker was lost or all of them were started again.

import type { PortError } from '@fillstream/runtime';
import type { Consumer, ConsumerRunConfig } from 'kafkajs';
import { kafkaFailure } from './connection.ts';

/** By the client's names. */
const PASSES: ReadonlySet<string> = new Set(['KafkaJSGroupCoordinatorNotFound', 'KafkaJSNoBrokerAvailableError', 'KafkaJSBrokerNotFound']);
const AGAIN_MS = 500;

export type Enduring = {
  /** Resolves when the group has it; or later, after a failure that passes. */
  readonly run: () => Promise<void>;
  /** Leaves the group; the consumer can't be used again. */
  readonly end: () => Promise<void>;
};

/** `onFailure` is told of what doesn't pass: the consumer is at its end then. */
export function enduring(consumer: Consumer, what: string, config: ConsumerRunConfig, onFailure: (error: PortError) => void): Enduring {
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  const run = async (): Promise<void> => {
    await consumer.run(config);
  };
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (restart || hasEnded) return;
    if (passes(error)) timer = setTimeout(() => {
      run().catch((failed: unknown) => onFailure(kafkaFailure(what, failed, false)));
    }, AGAIN_MS);
    else onFailure(kafkaFailure(what, error, false));
  });
  return {
    run,
    end: async () => {
      hasEnded = true;
      clearTimeout(timer);
      await consumer.disconnect();
    },
  };
}

function passes(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return PASSES.has(error.name) || passes(error.cause);
}
