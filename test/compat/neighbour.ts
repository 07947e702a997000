// A neighbour of this version: what a next minor release may do, all at once (docs/upgrading.md). It says more of itself to the
// group and offers another protocol too, its state and its records have fields that this version doesn't know.

import { changedVersion, type Change, type Version } from './other-version.ts';

const ASSIGNER = 'packages/kafka/src/assigner.ts';
const OPTIONAL = '{ "name": "neighbour", "type": ["null", "string"], "default": null }';

const CHANGES: readonly Change[] = [
  { file: 'packages/kafka/src/connection.ts', from: "clientId: 'fillstream'", to: "clientId: 'fillstream-neighbour'" },
  // The groups of processors and of ingestors.
  {
    file: ASSIGNER, from: 'owned: () => readonly number[]): PartitionAssigner',
    to: "owned: () => readonly number[], NAME = 'fillstream-copartition'): PartitionAssigner",
  },
  { file: ASSIGNER, from: 'JSON.stringify(owned())', to: 'JSON.stringify({ owned: owned(), neighbour: true })' },
  {
    file: 'packages/kafka/src/event-log.ts', from: 'partitionAssigners: [coPartitionAssigner(() => this.#membership.partitions)]',
    to: 'partitionAssigners: ["fillstream-copartition-2", "fillstream-copartition"]\n'
      + '.map((name) => coPartitionAssigner(() => this.#membership.partitions, name))',
  },
  { file: 'packages/kafka/src/work-group.ts', from: 'JSON.stringify([name, claim()])', to: 'JSON.stringify([name, claim(), { neighbour: true }])' },
  // The state.
  { file: 'packages/runtime/src/state-codec.ts', from: '    oid: order.oid,\n', to: "    oid: order.oid, neighbour: 'an order',\n" },
  { file: 'packages/runtime/src/state-codec.ts', from: 'v: FORMAT_VERSION, horizon,', to: "v: FORMAT_VERSION, neighbour: 'a profile', horizon," },
  { file: 'packages/runtime/src/state-codec.ts', from: '{ v: FORMAT_VERSION, oids,', to: "{ v: FORMAT_VERSION, neighbour: 'a chunk', oids," },
  {
    file: 'packages/redis/src/state-store.ts', from: 'pointText(head.at), JSON.stringify(head)',
    to: 'pointText(head.at), JSON.stringify({ ...head, neighbour: true })',
  },
  // The topics: an optional field that it writes, and one that others may.
  { file: 'schemas/signals.avsc', from: '"doc": "Of any of the leg\'s fills." }\n', to: `"doc": "Of any of the leg's fills." },\n${OPTIONAL}\n` },
  { file: 'schemas/src/signal.ts', from: '{ ...signal, fees: entries }', to: "{ ...signal, fees: entries, neighbour: 'a signal' }" },
  { file: 'schemas/commits.avsc', from: '      "default": {}\n    }\n', to: `      "default": {}\n    },\n${OPTIONAL}\n` },
  { file: 'schemas/src/commit.ts', from: '{ ...commit, counts })', to: "{ ...commit, counts, neighbour: 'a commit' })" },
  {
    file: 'schemas/fills.avsc', from: '"doc": "Untouched (contract §1)."\n            }\n',
    to: `"doc": "Untouched (contract §1)."\n            },\n${OPTIONAL}\n`,
  },
];

/** In a folder that isn't there yet; `more` comes on top. */
export function neighbour(folder: string, more: readonly Change[] = []): Version {
  return changedVersion('the neighbour', folder, [...CHANGES, ...more]);
}
