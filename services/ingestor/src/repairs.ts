// What the processor misses, from the topic `repairs`: asked of the exchange by the ingestor that watches the address.
//
// A1  From the topic's end on: an address that begins to be watched is repaired anyway.

import { TopicTail, unframed, type KafkaOptions, type TailListener, type TailedRecord } from '@fillstream/kafka';
import { decodeRepair, type Repair } from '@fillstream/schemas';

export type RepairsListener = {
  readonly onRepair: (repair: Repair) => void;
  readonly onTrouble: (message: string) => void;
  readonly onFailure: NonNullable<TailListener['onFailure']>;
};

/** Throws PortError. */
export async function followRepairs(kafka: KafkaOptions, { onRepair, onTrouble, onFailure }: RepairsListener): Promise<TopicTail> {
  const onRecord = ({ key, value }: TailedRecord): void => {
    try {
      onRepair(decodeRepair(unframed(value ?? Buffer.alloc(0)) ?? Buffer.alloc(0)));
    } catch (error) {
      onTrouble(`repairs: ${String(key)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return await TopicTail.follow(kafka, 'repairs', { onRecord, onFailure }, 'end'); // A1
}
