// A journal onto the input topics, each record once: how far it was read is appended with what was read.
//
// K1  A journal ends with a tick: where it is beyond the last deadline, all timers fire.

import { LineSource, openJournal } from '@fillstream/hyperliquid';
import type { EncodedInput } from '@fillstream/schemas';
import { encodeLine, endingTick } from './encode-line.ts';
import type { InputSink } from './sink.ts';

export type ImportOptions = {
  readonly path: string;
  readonly sink: InputSink;
  /** How far beyond the last receivedAt the ending tick is: with the longest period all timers fire (K1). */
  readonly endAfterMs: number;
  readonly stop: AbortSignal;
  /** Called after each append; resolves when the log can take more. */
  readonly onAppended?: (progress: { readonly records: number; readonly share: number | null }) => Promise<void>;
};

const BATCH_RECORDS = 10_000;
const DONE = 'done';

/** Returns `ended` when the whole journal is on the topics, now or before. Throws JournalError and what the sink throws. */
export async function importJournal(options: ImportOptions): Promise<'ended' | 'stopped'> {
  const { path, sink, stop } = options;
  const name = `journal ${path}`;
  const cursor = parseCursor(await sink.cursor(name));
  if (cursor === DONE) return 'ended';
  const bytes = await openJournal(path, cursor.offset, process.stdin);
  const lines = new LineSource(bytes.chunks, cursor.offset);
  let { latest } = cursor;
  let records = 0;
  while (!stop.aborted) {
    const { batch, next } = await readBatch(lines, path);
    latest = batch.reduce((time, { timestamp }) => Math.max(time, timestamp ?? 0), latest);
    if (next === null) {
      await sink.append([...batch, ...endingTick(latest, options.endAfterMs)], { name, value: JSON.stringify(DONE) });
      return 'ended';
    }
    await sink.append(batch, { name, value: JSON.stringify({ offset: next, latest }) });
    records += batch.length;
    await options.onAppended?.({ records, share: bytes.size === null ? null : bytes.read() / bytes.size });
  }
  await lines.close();
  return 'stopped';
}

/** Up to BATCH_RECORDS records and the offset after them; null at the journal's end. */
async function readBatch(lines: LineSource, path: string): Promise<{ readonly batch: EncodedInput[]; readonly next: number | null }> {
  const batch: EncodedInput[] = [];
  for (;;) {
    const line = lines.next();
    if (line !== null) {
      batch.push(encodeLine(line, path));
      if (batch.length === BATCH_RECORDS) return { batch, next: line.next };
    } else if (!(await lines.fill())) {
      return { batch, next: null };
    }
  }
}

/** How far a journal was read, and its greatest receivedAt. */
type Cursor = { readonly offset: number; readonly latest: number };

function parseCursor(text: string | null): Cursor | typeof DONE {
  if (text === null) return { offset: 0, latest: 0 };
  // Written above.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as Cursor | typeof DONE;
}
