// `POST /info` over HTTP: limits first, then the answer, or what a fault makes of it.
//
// R1  A request refused by a fault uses no weight, and is no violation.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Faults, Rule } from './faults.ts';
import type { World } from './info.ts';
import { answerTo } from './info.ts';
import { addressOf, isObject, parsed } from './json.ts';
import type { Gauge } from './limits.ts';

const BODY_BYTES = 1 << 16;

export type RestWorld = {
  readonly ipOf: (request: IncomingMessage) => string;
  readonly gaugeOf: (ip: string) => Gauge;
  readonly faults: Faults;
  /** the world as it is now */
  readonly world: () => World;
};

export async function answerRest(request: IncomingMessage, response: ServerResponse, rest: RestWorld): Promise<void> {
  if (request.url !== '/info' || request.method !== 'POST') {
    reply(response, request.url === '/info' ? 405 : 404, '');
    return;
  }
  const text = await bodyOf(request);
  if (text === null) reply(response, 413, '');
  else answerInfo(parsed(text), rest.ipOf(request), response, rest);
}

function answerInfo(request: unknown, ip: string, response: ServerResponse, rest: RestWorld): void {
  const user = isObject(request) ? addressOf(request['user']) : null;
  const type = isObject(request) ? request['type'] : undefined;
  const rule = rest.faults.take(['request'], {
    ip, addresses: user === null ? [] : [user], ...(typeof type === 'string' ? { request: type } : {}),
  });
  if (rule?.kind === 'rest-429') reply(response, 429, 'null');
  else if (rule?.kind === 'rest-500') reply(response, 500, 'Internal Server Error');
  else if (rule?.kind !== 'rest-hang') answerNow(request, ip, response, rest, rule);
  else if (rule.options.forMs !== undefined) {
    const timer = setTimeout(() => answerNow(request, ip, response, rest, null), rule.options.forMs);
    response.on('close', () => clearTimeout(timer));
  }
}

function answerNow(request: unknown, ip: string, response: ServerResponse, rest: RestWorld, rule: Rule | null): void {
  const { status, body, weight } = answerTo(request, rest.world());
  if (!rest.gaugeOf(ip).weigh(weight)) {
    reply(response, 429, 'null');
    return;
  }
  const text = status === 200 ? JSON.stringify(body) : String(body);
  if (rule === null) reply(response, status, text);
  else replyWith(rule, response, text);
}

function replyWith(rule: Rule, response: ServerResponse, text: string): void {
  const half = text.slice(0, Math.ceil(text.length / 2));
  switch (rule.kind) {
    case 'rest-truncated':
      if (rule.how === 'text') reply(response, 200, half);
      else {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
        response.write(half, () => response.destroy());
      }
      return;
    case 'rest-invalid':
      if (rule.how === 'html') reply(response, 200, '<html><body><h1>Bad gateway</h1></body></html>');
      else reply(response, 200, text.startsWith('[') ? '{"fills":null,"status":7}' : '[null,"order",[]]');
      return;
    default:
      reply(response, 200, '[]');
  }
}

function reply(response: ServerResponse, status: number, text: string): void {
  const isJson = status === 200 && !text.startsWith('<');
  response.writeHead(status, { 'content-type': isJson ? 'application/json' : 'text/plain', 'content-length': Buffer.byteLength(text) });
  response.end(text);
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
