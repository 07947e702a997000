// The least that anybody who reads a journal pays: its lines through JSON.parse.

import { createReadStream } from 'node:fs';

const chunks: AsyncIterable<Buffer> = createReadStream(process.argv[2] ?? '', { highWaterMark: 1_048_576 });
let rest: Buffer = Buffer.alloc(0);
let records = 0;
for await (const chunk of chunks) {
  const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    if (typeof JSON.parse(bytes.toString('utf8', start, end)) === 'object') records += 1;
    start = end + 1;
  }
  rest = bytes.subarray(start);
}
console.log(records);
