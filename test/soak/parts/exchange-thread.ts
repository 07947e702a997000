// The fake exchange in a thread of its own, whose heap isn't the one that is measured: it remembers more than a feed may.

import { parentPort, workerData } from 'node:worker_threads';
import { FakeExchange, type FakeExchangeOptions } from '@fillstream/simulator/exchange';
import type { Order, Told } from './remote-exchange.ts';

/* Both sides are of this folder. */
// eslint-disable-next-line @typescript-eslint/consistent-type-assertions
const exchange = await FakeExchange.start(workerData as FakeExchangeOptions);

function carryOut(order: Order): void {
  switch (order.kind) {
    case 'emit': exchange.emit(order.records); return;
    case 'fault': exchange.fault(order.fault, order.address === null ? {} : { address: order.address }); return;
    case 'clear': exchange.clearFaults(); return;
    case 'close': void exchange.close().then(() => parentPort?.close());
  }
}

parentPort?.on('message', (order: Order) => {
  carryOut(order);
  tell();
});
tell();

function tell(): void {
  parentPort?.postMessage({ url: exchange.url, wsUrl: exchange.wsUrl, addresses: [...exchange.addresses], now: exchange.now() } satisfies Told);
}
