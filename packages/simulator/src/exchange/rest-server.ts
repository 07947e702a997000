// `POST /info` over HTTP.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Desk } from './desk.ts';
import type { Reply } from './rest.ts';

const BODY_BYTES = 1 << 16;

export async function serveRest(request: IncomingMessage, response: ServerResponse, desk: Pick<Desk, 'answer'>, ip: string): Promise<void> {
  if (request.url !== '/info' || request.method !== 'POST') {
    write(response, { kind: 'whole', status: request.url === '/info' ? 405 : 404, text: '' });
    return;
  }
  const text = await bodyOf(request);
  if (text === null) {
    write(response, { kind: 'whole', status: 413, text: '' });
    return;
  }
  const giveUp = desk.answer(text, ip, (reply) => write(response, reply));
  response.on('close', giveUp);
}

function write(response: ServerResponse, { kind, status, text }: Reply): void {
  const isJson = status === 200 && !text.startsWith('<');
  response.writeHead(status, { 'content-type': isJson ? 'application/json' : 'text/plain', 'content-length': Buffer.byteLength(text) });
  if (kind === 'whole') response.end(text);
  else response.write(text.slice(0, Math.ceil(text.length / 2)), () => response.destroy());
}

/** The body's text; null when it is too long. */
export async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BODY_BYTES) return null;
  }
  return Buffer.concat(chunks).toString('utf8');
}
