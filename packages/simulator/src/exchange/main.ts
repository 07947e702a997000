// A fake exchange as a process of its own: `node main.ts --seed 1 --port 9000 --control-port 9001`.
//
// One line of JSON says that it listens, and where; SIGTERM or Ctrl-C ends it.

import { parseArgs } from 'node:util';
import { startControl } from './control.ts';
import { FakeExchange } from './fake-exchange.ts';
import type { FakeExchangeOptions } from './options.ts';

const USAGE = `usage: main.ts [options]
  --seed TEXT               of the market (default 1)
  --addresses N|LIST        how many, or which, by commas (default 5)
  --orders-per-second N     of the market (default 20)
  --past-orders N           orders made before the start (default 0)
  --account-every-ms N      account values of each address (default 10000)
  --host HOST               default 127.0.0.1
  --port N                  default any free one
  --control-port N          commands and the ledger at /control; off unless given
  --scale N                 divides the protocol's periods (default 1)
  --manual                  only commands move exchange time
  --trust-forwarded-for     a client's IP is the header x-forwarded-for
  --never-expire            no connection is closed for its age
  --no-ledger               for a feed that runs for days`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  addresses: { type: 'string', default: '5' },
  'orders-per-second': { type: 'string', default: '20' },
  'past-orders': { type: 'string', default: '0' },
  'account-every-ms': { type: 'string', default: '10000' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '0' },
  'control-port': { type: 'string' },
  scale: { type: 'string', default: '1' },
  manual: { type: 'boolean', default: false },
  'trust-forwarded-for': { type: 'boolean', default: false },
  'never-expire': { type: 'boolean', default: false },
  'no-ledger': { type: 'boolean', default: false },
} as const;

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new RangeError(`expected --${name}: a number; got ${text}`);
  return value;
}

function optionsOf(args: readonly string[]): { readonly exchange: FakeExchangeOptions; readonly controlPort: number | null } {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const control = values['control-port'];
  return {
    exchange: {
      seed: values.seed,
      addresses: values.addresses.startsWith('0x') ? values.addresses.split(',') : numberOf('addresses', values.addresses),
      ordersPerSecond: numberOf('orders-per-second', values['orders-per-second']),
      pastOrders: numberOf('past-orders', values['past-orders']),
      accountEveryMs: numberOf('account-every-ms', values['account-every-ms']),
      host: values.host,
      port: numberOf('port', values.port),
      scale: numberOf('scale', values.scale),
      drive: values.manual ? 'manual' : 'wall',
      trustForwardedFor: values['trust-forwarded-for'],
      keepLedger: !values['no-ledger'],
      ...(values['never-expire'] ? { lifetimeMs: null } : {}),
    },
    controlPort: control === undefined ? null : numberOf('control-port', control),
  };
}

async function main(args: readonly string[]): Promise<void> {
  const { exchange: options, controlPort } = optionsOf(args);
  const exchange = await FakeExchange.start(options);
  const control = controlPort === null ? null : await startControl(exchange, { host: options.host ?? '127.0.0.1', port: controlPort });
  const { url, wsUrl, addresses } = exchange;
  console.log(JSON.stringify({ url, wsUrl, control: control?.url ?? null, addresses }));
  const stop = (): void => {
    void Promise.all([exchange.close(), control?.close()]);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 1;
}
