// One post to a webhook: signed, within a time, to public addresses alone, and never on to where it is redirected.
//
// S1  The signature is of the time and the body as they are sent: `HMAC-SHA256(secret, "<timestamp>.<body>")`, in hex.
// S2  A failure is told by a status or a code, never by what a receiver or the system said: that may hold what nobody should read.

import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestByTls } from 'node:https';
import { isIP } from 'node:net';
import { isPublic, publicLookup } from './public-address.ts';
import { parseRetryAfter } from './retry.ts';

export type Target = { readonly id: string; readonly url: string; readonly secret: string };

/** `body` is the signal as JSON. */
export type Post = { readonly id: string; readonly revision: number; readonly body: string };

export const RESULTS = ['taken', 'status', 'timeout', 'unreachable', 'refused', 'cut'] as const;
export type Result = (typeof RESULTS)[number];

/** `refused`: it may not be posted to, and won't be; `cut`: we ended it. */
export type Answer =
  | { readonly kind: 'taken'; readonly ms: number }
  | { readonly kind: 'status'; readonly ms: number; readonly reason: string; readonly retryAfterMs: number | null }
  | { readonly kind: 'timeout' | 'unreachable' | 'refused' | 'cut'; readonly ms: number; readonly reason: string };

export type SenderOptions = { readonly timeoutMs: number; readonly allowPrivate: boolean };

const SOCKETS = 256;
/** Of an answer; its body is of no interest. */
const GREATEST_ANSWER = 65_536;
const KEEP_ALIVE = { keepAlive: true, keepAliveMsecs: 1_000, maxFreeSockets: SOCKETS, scheduling: 'lifo' } as const;
const RETRY_AFTER: readonly number[] = [429, 503];

export class Sender {
  readonly #options: SenderOptions;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(options: SenderOptions) {
    this.#options = options;
    const guard = options.allowPrivate ? {} : { lookup: publicLookup };
    this.#http = new HttpAgent({ ...KEEP_ALIVE, ...guard });
    this.#https = new HttpsAgent({ ...KEEP_ALIVE, ...guard });
  }

  /** `cut` ends it. */
  async send(target: Target, post: Post, cut: AbortSignal): Promise<Answer> {
    const began = performance.now();
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    const elapsed = (): number => performance.now() - began;
    try {
      const url = new URL(target.url);
      if (!this.#mayReach(url)) return { kind: 'refused', ms: elapsed(), reason: 'its address isn\'t public' };
      const { status, retryAfter } = await this.#post(url, headersOf(target, post), post.body, AbortSignal.any([cut, timeout]));
      return answerOf(status, retryAfter, elapsed());
    } catch (error) {
      if (cut.aborted) return { kind: 'cut', ms: elapsed(), reason: 'ended here' };
      if (timeout.aborted) return { kind: 'timeout', ms: elapsed(), reason: `no answer within ${String(this.#options.timeoutMs / 1_000)} s` };
      const code = codeOf(error);
      return { kind: code === 'NOT_PUBLIC' ? 'refused' : 'unreachable', ms: elapsed(), reason: code === 'NOT_PUBLIC' ? 'its host has no public address' : code };
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** A name's addresses are looked at when they are found; an address is no name. */
  #mayReach({ protocol, hostname }: URL): boolean {
    if (protocol !== 'http:' && protocol !== 'https:') return false;
    const address = hostname.replace(/^\[(.*)\]$/, '$1');
    return this.#options.allowPrivate || isIP(address) === 0 || isPublic(address);
  }

  async #post(url: URL, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<{ readonly status: number; readonly retryAfter: string | undefined }> {
    const answered = Promise.withResolvers<IncomingMessage>();
    const options = { method: 'POST', headers, signal };
    const request: ClientRequest = url.protocol === 'https:'
      ? requestByTls(url, { ...options, agent: this.#https })
      : requestPlain(url, { ...options, agent: this.#http });
    request.on('error', answered.reject).once('response', answered.resolve);
    request.end(body);
    const response = await answered.promise;
    discard(response);
    return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
  }
}

/** S1. `timestamp`: milliseconds since the epoch. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

function headersOf({ id, secret }: Target, { id: signal, revision, body }: Post): Record<string, string> {
  const timestamp = String(Date.now());
  return {
    'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), 'user-agent': 'fillstream-webhooks/1',
    'fillstream-id': signal, 'fillstream-revision': String(revision), 'fillstream-webhook': id,
    'fillstream-timestamp': timestamp, 'fillstream-signature': signatureOf(secret, timestamp, body),
  };
}

function answerOf(status: number, retryAfter: string | undefined, ms: number): Answer {
  if (status >= 200 && status < 300) return { kind: 'taken', ms };
  const reason = status >= 300 && status < 400 ? `status ${String(status)}: redirects aren't followed` : `status ${String(status)}`;
  return { kind: 'status', ms, reason, retryAfterMs: RETRY_AFTER.includes(status) ? parseRetryAfter(retryAfter, Date.now()) : null };
}

/** Read to its end, so that the socket can be used again, unless it is long. */
function discard(response: IncomingMessage): void {
  let bytes = 0;
  response.on('error', () => undefined).on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > GREATEST_ANSWER) response.destroy();
  });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unreachable';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
