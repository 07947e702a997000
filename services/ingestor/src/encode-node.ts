// What a node's files hold as bodies of the input topics.

import { createHash } from 'node:crypto';
import { HEAD_BYTES, MAX_LINE_BYTES, type Line, type NodeRecord } from '@fillstream/hyperliquid';
import { encodeCutLine, encodeInput, encodeRecord, type EncodedInput } from '@fillstream/schemas';

/** `line` and `path` are where it stood, told of what is too long to be kept. */
export function encodeNodeRecord(record: NodeRecord, line: Line, path: string): EncodedInput {
  const place = { file: path, position: line.offset };
  switch (record.kind) {
    case 'fill':
    case 'orderUpdate': {
      const encoded = encodeRecord(record.json);
      return encoded.body.length <= MAX_LINE_BYTES ? encoded : cut(Buffer.from(JSON.stringify(record.json)), place);
    }
    case 'refused': {
      const bytes = Buffer.from(record.bytes);
      return bytes.length <= MAX_LINE_BYTES ? encodeInput(bytes) : cut(bytes, place);
    }
    case 'oversized': {
      const { head, length, sha256 } = record.line;
      return encodeCutLine({ head: Buffer.from(head), length, sha256, ...place });
    }
  }
}

function cut(bytes: Buffer, place: { readonly file: string; readonly position: number }): EncodedInput {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return encodeCutLine({ head: bytes.subarray(0, HEAD_BYTES), length: bytes.length, sha256, ...place });
}
