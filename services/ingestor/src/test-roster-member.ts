// A roster as a process of its own, for a test that ends it as a crash would. Tells its parent of all that it is told.

import type { KafkaOptions } from '@fillstream/kafka';
import { Roster } from './roster.ts';

type Options = { readonly kafka: KafkaOptions; readonly capacity: number; readonly partitions: number };

const SESSION_MS = 2_000;
const options: Options = JSON.parse(process.argv[2] ?? '');
const tell = (message: object): void => void process.send?.(message);

const roster = await Roster.join({
  ...options,
  sessionTimeoutMs: SESSION_MS,
  onAssigned: (assignment) => tell({ assignment }),
  onNoRoom: (noRoom) => tell({ noRoom }),
  onFailure: (error) => {
    throw error;
  },
});
const timer = setInterval(() => tell({ isLeader: roster.status.isLeader }), 50);
process.once('SIGTERM', () => {
  clearInterval(timer);
  void roster.leave().then(() => process.exit());
});
