// What to-csv and to-parquet share: one run writes one file, and where it ended is where the next one begins.
//
// E1  A file has its name when it is whole: it is written as NAME.part.
// E2  `cursor.json` names the last run that counts, and its cursor. A run that was killed doesn't: the next one has its number,
//     begins where it began, and writes its file anew.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { subscribe, type Signal } from '@fillstream/client';

type Ended = { readonly run: number; readonly cursor: string | null };

/** Makes the file out of the signals; resolves when all of it is written. */
type Write = (file: string, signals: AsyncIterable<Signal>) => Promise<void>;

export async function runExport(ending: string, write: Write): Promise<void> {
  const { values: { url, folder, address, follow } } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8080' },
      folder: { type: 'string', default: '.' },
      address: { type: 'string', multiple: true },
      follow: { type: 'boolean', default: false },
    },
  });
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stop.abort());
  mkdirSync(folder, { recursive: true });
  const { run, cursor } = lastRun(folder);
  const subscription = subscribe({
    url, token: process.env['FILLSTREAM_TOKEN'],
    filter: address === undefined ? {} : { addresses: address },
    from: cursor === null ? 'earliest' : { cursor },
    until: follow ? undefined : 'live',
    signal: stop.signal,
  });
  const file = join(folder, `signals-${String(run + 1).padStart(6, '0')}.${ending}`);
  const counted = new Counted(subscription);
  await write(`${file}.part`, counted);
  if (counted.count > 0) renameSync(`${file}.part`, file);
  else rmSync(`${file}.part`, { force: true });
  keep(folder, { run: counted.count > 0 ? run + 1 : run, cursor: subscription.cursor });
  console.log(counted.count > 0 ? `${file}: ${String(counted.count)} signals` : 'no new signals');
}

class Counted implements AsyncIterable<Signal> {
  count = 0;
  readonly #signals: AsyncIterable<Signal>;

  constructor(signals: AsyncIterable<Signal>) {
    this.#signals = signals;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Signal> {
    for await (const signal of this.#signals) {
      this.count += 1;
      yield signal;
    }
  }
}

/** E2. */
function lastRun(folder: string): Ended {
  const file = join(folder, 'cursor.json');
  if (!existsSync(file)) return { run: 0, cursor: null };
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'number' && 'cursor' in value
    && (typeof value.cursor === 'string' || value.cursor === null)) return { run: value.run, cursor: value.cursor };
  throw new Error(`${file}: expected what an earlier run left there`);
}

function keep(folder: string, ended: Ended): void {
  const file = join(folder, 'cursor.json');
  writeFileSync(`${file}.part`, `${JSON.stringify(ended)}\n`, { flush: true });
  renameSync(`${file}.part`, file);
}
