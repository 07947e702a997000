// `npm run bench:redis`: what Redis holds for each order and address, and what a checkpoint costs, on a server of its own.
//
//   --records N   of the market whose state it is (300,000)       --record    a line for the history

import { parseArgs } from 'node:util';
import { market } from '@fillstream/simulator';
import { figure, median } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { folded, heldBy } from './redis-held.ts';

const ADDRESSES = 100;

const { values } = parseArgs({ options: { ...RECORD_OPTION, records: { type: 'string', default: '300000' } } });
const recorder = new Recorder('redis', values);
const records = Number(values.records);
const held = await heldBy(folded(market({ seed: 1, addresses: ADDRESSES, startAt: 1_760_000_000_000, records })));
const [anOrder, anAddress, body] = [held.orderBytes / held.orders, held.addressBytes / held.addresses, held.bodies / held.orders];
console.log(`${String(held.orders)} orders on record: ${anOrder.toFixed(0)} bytes each, bodies of ${body.toFixed(0)}`);
console.log(
  `${String(held.addresses)} addresses: ${anAddress.toFixed(0)} bytes each, with ${(held.remembered / held.addresses).toFixed(0)} finished orders remembered`,
);
console.log(
  `a checkpoint of 2000 orders: ${median(held.checkpointMs).toFixed(1)} ms (median of ${String(held.checkpointMs.length)})`,
);
recorder.add({
  settings: { records, addresses: ADDRESSES, orders: held.orders, remembered: held.remembered },
  baseline: "the order's body",
  figures: [
    figure('an order on record', 'memory', 'bytes', [anOrder], { base: [body] }),
    figure('an address', 'memory', 'bytes', [anAddress]),
    figure('a checkpoint of 2,000 orders', 'time', 'ms', held.checkpointMs),
  ],
});
