// The memory twin of EventLog keeps the port's contract, in each of its shapes.

import { eventLogContract, type LogUnderTest, type EventLogTraits } from './contract/event-log.ts';
import { topicsOf } from './contract/records.ts';
import { MemoryLog } from './memory-log.ts';
import { partitionOf } from './partitioner.ts';

const INPUTS = [{ name: 'fills', clock: 0 }, { name: 'order-updates', clock: 1 }];

function make({ topics, partitions, bounded }: EventLogTraits): Promise<LogUnderTest> {
  const log = new MemoryLog({ inputs: INPUTS.slice(0, topics), bounded });
  return Promise.resolve({
    log,
    append(records) {
      for (const record of records) {
        const { input } = record;
        const partition = partitionOf('address' in input ? input.address : null, partitions);
        for (const topic of topicsOf(record)) log.append(partition, Math.min(topic, topics - 1), input);
      }
      return Promise.resolve();
    },
    outputs(partition) {
      const { signals, refused } = log.outputs(partition);
      return Promise.resolve({ signals, refused: refused.map(({ reason }) => reason) });
    },
    reopen: () => Promise.resolve(log),
    close: () => Promise.resolve(),
  });
}

for (const topics of [1, 2] as const) {
  for (const bounded of [false, true]) {
    const traits = { topics, bounded, partitions: 2 };
    eventLogContract(`MemoryLog, ${String(topics)} topic${topics === 1 ? '' : 's'}, ${bounded ? '' : 'un'}bounded`, traits, () => make(traits));
  }
}
