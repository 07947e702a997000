// A market written to a file as a journal: NDJSON, one record a line (contract §1).

import { closeSync, openSync, writeSync } from 'node:fs';
import type { Ledger } from './ledger.ts';
import { market } from './market.ts';
import type { MarketOptions } from './options.ts';

const CHUNK_CHARS = 1 << 20;

export type JournalWritten = { readonly records: number; readonly bytes: number };

/**
 * Writes the market's records to `path`, replacing what is there, and reports how much it was. Synchronous: it is made for
 * benches and tests. With a ledger, each record is added to it. Throws RangeError when the options set no end, and the file
 * system's error when writing fails.
 */
export function writeJournal(path: string, options: MarketOptions, ledger?: Ledger): JournalWritten {
  if (options.orders === undefined && options.records === undefined) {
    throw new RangeError('expected orders or records: a journal without an end fits no disk');
  }
  const records = market(options);
  const file = openSync(path, 'w');
  try {
    return writeAll(file, records, ledger);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, records: ReturnType<typeof market>, ledger: Ledger | undefined): JournalWritten {
  let written = 0;
  let bytes = 0;
  let chunk = '';
  for (const record of records) {
    ledger?.add(record);
    chunk += `${JSON.stringify(record)}\n`;
    written += 1;
    if (chunk.length < CHUNK_CHARS) continue;
    bytes += writeFully(file, chunk);
    chunk = '';
  }
  return { records: written, bytes: bytes + writeFully(file, chunk) };
}

// A write may take only a part, for one when the disk is nearly full.
function writeFully(file: number, text: string): number {
  const bytes = Buffer.from(text, 'utf8');
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done);
  return bytes.length;
}
