// Writes signals to Parquet files: each run one file, `signals-000001.parquet` and so on, with what came since the run before.
// Amounts are text, exact: cast them to the decimal that you need. `fees` is JSON, times are timestamps in milliseconds, UTC.
//
//     npm install @fillstream/client hyparquet-writer
//     node to-parquet.ts --url http://127.0.0.1:8080 --folder signals              # up to now, then it ends
//     node to-parquet.ts --url http://127.0.0.1:8080 --folder signals --follow     # until Ctrl-C
//
// A token, where one is needed, comes from FILLSTREAM_TOKEN. The folder keeps where the last run ended (export-run.ts). A file
// that is being written can't be read yet: Parquet's directory is at its end.

import type { Signal } from '@fillstream/client';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import { runExport } from './export-run.ts';

/** Rows that are held in memory. */
const ROW_GROUP = 10_000;

const COLUMNS = {
  id: 'STRING', revision: 'INT32', address: 'STRING', oid: 'INT64', coin: 'STRING', symbol: 'STRING', cloid: 'STRING',
  assetType: 'STRING', direction: 'STRING', side: 'STRING', size: 'STRING', notional: 'STRING', price: 'STRING',
  positionSize: 'STRING', positionBefore: 'STRING', positionAfter: 'STRING', closeRate: 'STRING', positionRate: 'STRING',
  fees: 'JSON', closedPnl: 'STRING', fillCount: 'INT32', firstFillAt: 'TIMESTAMP', lastFillAt: 'TIMESTAMP',
  orderStatus: 'STRING', trigger: 'STRING', complete: 'BOOLEAN', reversal: 'BOOLEAN', cause: 'STRING', twapId: 'INT64',
} as const satisfies Record<keyof Signal, string>;

const NULLABLE: readonly string[] = ['cloid', 'positionRate', 'orderStatus', 'twapId'];

async function* rowsOf(signals: AsyncIterable<Signal>): AsyncGenerator<Record<string, unknown>> {
  for await (const signal of signals) {
    const { oid, twapId, firstFillAt, lastFillAt } = signal;
    yield {
      ...signal, oid: BigInt(oid), twapId: twapId === null ? null : BigInt(twapId),
      firstFillAt: new Date(firstFillAt), lastFillAt: new Date(lastFillAt),
    };
  }
}

await runExport('parquet', async (file, signals) => {
  const columns = Object.entries(COLUMNS).map(([name, type]) => ({ name, type, nullable: NULLABLE.includes(name) }));
  await parquetWriteRows({ writer: fileWriter(file), rows: rowsOf(signals), columns, rowGroupSize: ROW_GROUP });
});
