// Writes signals to CSV files: each run one file, `signals-000001.csv` and so on, with what came since the run before. Amounts
// are text, exact; a spreadsheet that makes numbers of them rounds them. `fees` is JSON.
//
//     npm install @fillstream/client
//     node to-csv.ts --url http://127.0.0.1:8080 --folder signals              # up to now, then it ends
//     node to-csv.ts --url http://127.0.0.1:8080 --folder signals --follow     # until Ctrl-C
//
// A token, where one is needed, comes from FILLSTREAM_TOKEN. The folder keeps where the last run ended (export-run.ts).

import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Signal } from '@fillstream/client';
import { runExport } from './export-run.ts';

const COLUMNS = [
  'id', 'revision', 'address', 'oid', 'coin', 'symbol', 'cloid', 'assetType', 'direction', 'side', 'size', 'notional', 'price',
  'positionSize', 'positionBefore', 'positionAfter', 'closeRate', 'positionRate', 'fees', 'closedPnl', 'fillCount', 'firstFillAt',
  'lastFillAt', 'orderStatus', 'trigger', 'complete', 'reversal', 'cause', 'twapId',
] as const satisfies readonly (keyof Signal)[];

async function* linesOf(signals: AsyncIterable<Signal>): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  for await (const signal of signals) yield `${COLUMNS.map((column) => fieldOf(signal[column])).join(',')}\r\n`;
}

/** As in RFC 4180; null is empty. */
function fieldOf(value: Signal[keyof Signal]): string {
  const text = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

await runExport('csv', async (file, signals) => {
  await pipeline(Readable.from(linesOf(signals)), createWriteStream(file, { flush: true }));
});
