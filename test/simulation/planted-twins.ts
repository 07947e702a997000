// Bugs for the servers' twins: what the adapters that they stand for could do wrong.

import type { Planted } from './planted.ts';

const HERE = 'test/simulation/';

/** Of the log: fences, transactions and what is read of them. */
const LOG_BUGS: readonly Planted[] = [
  {
    name: 'offsets read before the fence', file: `${HERE}event-log.ts`,
    was: '    const producer = await this.#fence(partition);\n    const { start, point } = await this.#committed(partition);\n',
    becomes: `    const { start, point } = await this.#committed(partition);
    const producer = await this.#fence(partition);
`,
  },
  {
    name: 'a transactional id of each process: nobody is fenced', file: `${HERE}event-log.ts`,
    was: 'broker.initProducer(`processor-${String(partition)}`)',
    becomes: 'broker.initProducer(`${this.process.name}-${String(partition)}`)',
  },
  {
    name: 'offsets are committed outside of the transaction', file: `${HERE}partition-log.ts`,
    was: 'async () => await broker.sendOffsets(producer, offsets));',
    becomes: '() => offsets.forEach((offset) => broker.commitOffset(offset)));',
  },
  {
    name: 'the record of a commit is written outside of the transaction', file: `${HERE}partition-log.ts`,
    was: 'async () => await broker.send(producer, topic, partition, group.map(recordOf)));',
    becomes: `async () => topic === 'commits'
        ? broker.append(topic, partition, group.map(recordOf))
        : await broker.send(producer, topic, partition, group.map(recordOf)));`,
  },
  {
    name: 'a transaction is ended before all of it was sent', file: `${HERE}partition-log.ts`,
    was: '    await Promise.all(Array.from(Map.groupBy(', becomes: '    void Promise.all(Array.from(Map.groupBy(',
  },
  {
    name: 'inputs are read before they are committed', file: `${HERE}partition-log.ts`,
    was: 'from, FETCH_RECORDS, { committed: true });', becomes: 'from, FETCH_RECORDS, { committed: false });',
  },
];

/** Of the store: owners, checkpoints, and what it doesn't know any more. */
const STORE_BUGS: readonly Planted[] = [
  {
    name: 'no owner check', file: `${HERE}store.ts`,
    was: "held?.owner !== token ? refused('another owner')", becomes: "held === undefined ? refused('another owner')",
  },
  {
    name: 'prefetch not compared', file: `${HERE}store.ts`,
    was: 'if (held.head === null || !samePoint(parseHead(held.head).at, at)) return', becomes: 'if (held.head === null) return',
  },
  {
    name: 'a checkpoint is not compared with the one before', file: `${HERE}store.ts`,
    was: "    if (!samePoint(at, before)) return refused('another checkpoint');\n", becomes: '',
  },
  {
    name: 'TTL that decides: an order that expired was never there', file: `${HERE}store.ts`,
    was: "    if (bodies.length < orders.length) return refused('gone');\n", becomes: '',
  },
  {
    name: 'an address that was lost begins anew: neither audit nor prefetch counts its parts', file: `${HERE}store.ts`,
    was: 'if (addresses.some((address) => (held.parts', becomes: 'if (addresses.length < 0 && addresses.some((address) => (held.parts',
    more: [{ was: 'if (held.parts.get(address)?.size !== count) return `parts of', becomes: 'if (count < 0) return `parts of' }],
  },
];

export const TWIN_BUGS: readonly Planted[] = [...LOG_BUGS, ...STORE_BUGS];
