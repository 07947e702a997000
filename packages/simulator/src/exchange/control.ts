// The exchange commanded from another process, over HTTP on a port of its own.
//
//   GET  /control                    addresses, exchange time, records, connections, violations, standing faults
//   GET  /control/ledger?from=N      the ledger as a journal (NDJSON), from record N on
//   POST /control {"fault":"cut", …} a fault with its options; answers its id
//   POST /control {"clear":ID|"all"} | {"advance":MS} | {"emit":RECORDS} | {"halt":true}
//
// C1  A command is carried out before it is answered; one that can't be is 400 with the reason, and does nothing.

import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FakeExchange } from './fake-exchange.ts';
import { faultOptionsOf, isFaultKind } from './faults.ts';
import type { JsonObject } from './json.ts';
import { isObject, parsed } from './json.ts';
import { bodyOf } from './rest-server.ts';

export type Control = { readonly url: string; readonly close: () => Promise<void> };

/** Port 0 is any free one. Rejects with the system's error when it can't listen. */
export async function startControl(exchange: FakeExchange, { host, port }: { readonly host: string; readonly port: number }): Promise<Control> {
  const server = createServer((request, response) => {
    // Whoever asked has gone.
    answer(exchange, request, response).catch(() => response.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  return { url: `http://${host}:${portOf(server)}/control`, close: () => closed(server) };
}

async function answer(exchange: FakeExchange, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://control');
  if (request.method === 'POST' && url.pathname === '/control') await command(exchange, request, response);
  else if (request.method !== 'GET') reply(response, 405, { error: 'expected GET or POST' });
  else if (url.pathname === '/control') reply(response, 200, overview(exchange));
  else if (url.pathname === '/control/ledger') await sendLedger(exchange, Number(url.searchParams.get('from') ?? 0), response);
  else reply(response, 404, { error: 'expected /control or /control/ledger' });
}

async function command(exchange: FakeExchange, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = parsed(await bodyOf(request) ?? '');
  try {
    if (!isObject(body)) throw new RangeError('expected a JSON object');
    reply(response, 200, carryOut(exchange, body));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    reply(response, 400, { error: error.message });
  }
}

function carryOut(exchange: FakeExchange, { fault, clear, advance, emit, halt, ...options }: JsonObject): object {
  if (typeof fault === 'string') {
    if (!isFaultKind(fault)) throw new RangeError(`expected the name of a fault; got ${fault}`);
    const { id, hits } = exchange.fault(fault, faultOptionsOf(options));
    return { id, hits };
  }
  if (clear === 'all') exchange.clearFaults();
  else if (typeof clear === 'number') exchange.clearFaults(clear);
  else if (typeof advance === 'number') exchange.advance(advance);
  else if (typeof emit === 'number') exchange.emit(emit);
  else if (halt === true) exchange.halt();
  else throw new RangeError('expected fault, clear, advance, emit or halt');
  return { now: exchange.now(), records: exchange.ledger.records.length };
}

function overview(exchange: FakeExchange): object {
  const { url, addresses, connections, violations } = exchange;
  const faults = exchange.faults.map(({ id, kind, hits }) => ({ id, kind, hits }));
  return { url, now: exchange.now(), records: exchange.ledger.records.length, addresses, connections, violations, faults };
}

async function sendLedger(exchange: FakeExchange, from: number, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  // Brought up to now first; what happens while it is being sent comes too.
  exchange.now();
  await pipeline(Readable.from(exchange.ledger.journal(from)), response);
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closed(server: Server): Promise<void> {
  const ended = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await ended;
}
