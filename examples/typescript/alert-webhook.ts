// Receives webhooks and prints an alert for each: one line, once, however often it is posted. What isn't signed with the secret,
// and what is older than five minutes, is refused.
//
//     npm install @fillstream/client
//     WEBHOOK_SECRET=… node alert-webhook.ts --port 9000
//
// `fillstream webhook` makes a webhook and tells its secret. Answer 2xx only when the alert has had its effect: everything else
// is posted again.

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';
import { WebhookError, isNewer, verifyWebhook, type Signal } from '@fillstream/client';

const MAX_BYTES = 65_536;
/** Ids whose last revision is remembered: the idempotency key is (id, revision). */
const REMEMBERED = 100_000;

const { values } = parseArgs({
  options: { port: { type: 'string', default: '9000' }, host: { type: 'string', default: '127.0.0.1' } },
});
const secret = process.env['WEBHOOK_SECRET'];
if (secret === undefined) throw new Error('WEBHOOK_SECRET: expected the secret of the webhook');
const known = new Map<string, Signal>();

const server = createServer((request, response) => {
  handled(request, secret).then(
    (status) => response.writeHead(status).end(),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      response.writeHead(500).end(); // It comes again.
    },
  );
});

/** The status of the answer. */
async function handled(request: IncomingMessage, key: string): Promise<number> {
  if (request.method !== 'POST') return 405;
  const body = await bodyOf(request);
  if (body === null) return 413;
  try {
    alert(await verifyWebhook({ secret: key, headers: request.headers, body }));
    return 204;
  } catch (error) {
    if (!(error instanceof WebhookError)) throw error;
    console.error(`refused: ${error.message}`);
    return 401;
  }
}

function alert(signal: Signal): void {
  const before = known.get(signal.id);
  if (before !== undefined && !isNewer(before, signal)) return;
  known.delete(signal.id);
  known.set(signal.id, signal);
  const [oldest] = known.keys();
  if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
  const { address, direction, side, size, symbol, price, notional, cause, revision } = signal;
  const what = `${direction} ${side} ${size} ${symbol} at ${price} ($${notional})`;
  const [why, which] = [cause === 'trade' ? '' : ` by ${cause}`, revision === 1 ? '' : `, revision ${String(revision)}`];
  console.log(`${address} ${what}${why}${which}`);
}

/** null: it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

server.listen(Number(values.port), values.host);
await once(server, 'listening');
const address = server.address();
console.error(`listens on http://${values.host}:${String(typeof address === 'object' ? address?.port : '')}`);
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => server.close());
