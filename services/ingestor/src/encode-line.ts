// A journal's lines as bodies of the input topics, and the tick that ends it.

import type { Line } from '@fillstream/hyperliquid';
import { encodeCutLine, encodeInput, encodeTick, type EncodedInput } from '@fillstream/schemas';

const GREATEST_TIME = 1e13;

/** The tick at the end, `afterMs` beyond the last receivedAt; none for a journal without a time. */
export function endingTick(latest: number, afterMs: number): EncodedInput[] {
  if (latest === 0) return [];
  return [tickAt(Math.min(latest + afterMs, GREATEST_TIME))];
}

export function tickAt(timestamp: number): EncodedInput {
  return { kind: 'tick', topic: 'fills', key: null, timestamp, body: encodeTick(timestamp) };
}

/** `path` is told for a line that is too long to be kept. */
export function encodeLine(line: Line, path: string): EncodedInput {
  switch (line.kind) {
    case 'text': return encodeInput(line.offset === 0 ? line.text.replace(/^\uFEFF/, '') : line.text);
    case 'notText': return encodeInput(line.bytes);
    case 'oversized': {
      const { head, length, sha256, offset } = line;
      return encodeCutLine({ head: Buffer.from(head), length, sha256, file: path, position: offset });
    }
  }
}
