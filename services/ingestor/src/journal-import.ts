// A journal onto the input topics, each record once: how far it was read is appended with what was read.
//
// K1  A journal ends with a tick beyond its last deadline: all timers fire.

import { LineSource, openJournal, type Line } from '@fillstream/hyperliquid';
import { encodeCutLine, encodeInput, encodeTick, type EncodedInput } from '@fillstream/schemas';
import type { InputSink } from './sink.ts';

export type ImportOptions = {
  readonly path: string;
  readonly sink: InputSink;
  /** The longest that an order can wait for anything, in milliseconds of stream time. */
  readonly longestPeriodMs: number;
  readonly stop: AbortSignal;
  /** Called after each append; resolves when the log can take more. */
  readonly onAppended?: (progress: { readonly records: number; readonly share: number | null }) => Promise<void>;
};

const BATCH_RECORDS = 10_000;
const GREATEST_TIME = 1e13;
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
      await sink.append([...batch, ...endingTick(latest, options.longestPeriodMs)], { name, value: JSON.stringify(DONE) });
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

/** A tick at which every timer is due (K1); none for a journal without a time. */
function endingTick(latest: number, longestPeriodMs: number): EncodedInput[] {
  if (latest === 0) return [];
  const timestamp = Math.min(latest + longestPeriodMs, GREATEST_TIME);
  return [{ kind: 'tick', topic: 'fills', key: null, timestamp, body: encodeTick(timestamp) }];
}

/** How far a journal was read, and its greatest receivedAt. */
type Cursor = { readonly offset: number; readonly latest: number };

function parseCursor(text: string | null): Cursor | typeof DONE {
  if (text === null) return { offset: 0, latest: 0 };
  // Written above.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as Cursor | typeof DONE;
}

function encodeLine(line: Line, path: string): EncodedInput {
  switch (line.kind) {
    case 'text': return encodeInput(line.offset === 0 ? line.text.replace(/^\uFEFF/, '') : line.text);
    case 'notText': return encodeInput(line.bytes);
    case 'oversized': {
      const { head, length, sha256, offset } = line;
      return encodeCutLine({ head: Buffer.from(head), length, sha256, file: path, position: offset });
    }
  }
}
