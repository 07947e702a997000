// The gateway's REST routes, typed. What another attempt may mend is tried again, a bounded number of times.

import { backoffMs, pause } from './backoff.ts';
import { httpOf, normalFilter } from './address.ts';
import { GatewayError, errorOfAnswer } from './errors.ts';
import type {
  AddressPage, AddressSummary, Delivered, Filter, OrderLife, OrderSignals, Pnl, Positions, QuarantinePage, Signal, SignalPage,
  SignalRevisions, StatusReport,
} from './protocol.ts';

export type ClientOptions = {
  /** The gateway's address: `https://signals.example`. */
  readonly url: string | URL;
  readonly token?: string | undefined;
  /** Of a request, each attempt. */
  readonly timeoutMs?: number | undefined;
  /** Attempts after the first. */
  readonly retries?: number | undefined;
};

export type RequestOptions = { readonly signal?: AbortSignal | undefined };

export type SignalQuery = Filter & {
  /** By the log: `asc`, the oldest first, when left out. */
  readonly order?: 'asc' | 'desc';
  /** A cursor: what came after it (ascending). */
  readonly after?: string;
  /** A cursor: what came before it (descending). */
  readonly before?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  /** Of a page: up to 1,000. */
  readonly limit?: number;
};

export type AddressQuery = { readonly after?: string; readonly limit?: number };

type Parameters = Readonly<Record<string, string | number | readonly string[] | undefined>>;

const TIMEOUT_MS = 30_000;
const RETRIES = 3;
const WAITS = { minMs: 500, maxMs: 10_000 };

/** Every method rejects with GatewayError, or with the reason of its AbortSignal. */
export class GatewayClient {
  readonly #options: ClientOptions;

  /** Throws TypeError for an address that is none. */
  constructor(options: ClientOptions) {
    this.#options = options;
    httpOf(options.url, '');
  }

  /** One page. `next` goes into `after` of the next request, descending into `before`. */
  async signals(query: SignalQuery = {}, options?: RequestOptions): Promise<SignalPage> {
    return await this.#get('v1/signals', normalFilter(query), options);
  }

  /** Page after page, up to the end there is: `limit` is a page's. What comes later is for `subscribe`, from the last cursor. */
  async *eachSignal(query: SignalQuery = {}, options?: RequestOptions): AsyncGenerator<Delivered, void> {
    const { since: _, ...further } = query; // Only the first page begins there.
    let asked = query;
    for (;;) {
      const { signals, next, more } = await this.signals(asked, options);
      yield* signals;
      if (!more) return;
      asked = query.order === 'desc' ? { ...query, before: next } : { ...further, after: next };
    }
  }

  /** The latest revision of `<address>/<oid>/<leg>`. */
  async signal(id: string, options?: RequestOptions): Promise<Signal> {
    const { signals } = await this.#get<SignalRevisions>(`v1/signals/${pathOf(id)}`, {}, options);
    const [latest] = signals;
    if (latest === undefined) throw new GatewayError('not-found', `no signal ${id}`);
    return latest;
  }

  /** All revisions, the latest first. */
  async revisions(id: string, options?: RequestOptions): Promise<readonly Signal[]> {
    const { signals } = await this.#get<SignalRevisions>(`v1/signals/${pathOf(id)}`, { revisions: 'all' }, options);
    return signals;
  }

  /** The latest revision of each of an order's legs. */
  async order(address: string, oid: number, options?: RequestOptions): Promise<OrderSignals> {
    return await this.#get(`v1/orders/${pathOf(address)}/${String(oid)}`, {}, options);
  }

  async orderLife(address: string, oid: number, options?: RequestOptions): Promise<OrderLife> {
    return await this.#get(`v1/orders/${pathOf(address)}/${String(oid)}/life`, {}, options);
  }

  /** One page; `after` is an address. */
  async addresses(query: AddressQuery = {}, options?: RequestOptions): Promise<AddressPage> {
    return await this.#get('v1/addresses', query, options);
  }

  /** All of them, in order. */
  async *eachAddress(query: { readonly limit?: number } = {}, options?: RequestOptions): AsyncGenerator<AddressSummary, void> {
    let after: string | null = null;
    do {
      const page: AddressPage = await this.addresses(after === null ? query : { ...query, after }, options);
      yield* page.addresses;
      after = page.next;
    } while (after !== null);
  }

  async positions(address: string, options?: RequestOptions): Promise<Positions> {
    return await this.#get(`v1/addresses/${pathOf(address)}/positions`, {}, options);
  }

  async pnl(address: string, options?: RequestOptions): Promise<Pnl> {
    return await this.#get(`v1/addresses/${pathOf(address)}/pnl`, {}, options);
  }

  async status(options?: RequestOptions): Promise<StatusReport> {
    return await this.#get('v1/status', {}, options);
  }

  async quarantine(query: { readonly limit?: number } = {}, options?: RequestOptions): Promise<QuarantinePage> {
    return await this.#get('v1/quarantine', query, options);
  }

  async #get<T>(path: string, parameters: Parameters, { signal }: RequestOptions = {}): Promise<T> {
    const url = httpOf(this.#options.url, path);
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, textOf(value));
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#ask<T>(url, signal);
      } catch (error) {
        if (!(error instanceof GatewayError) || !error.retryable || attempt >= (this.#options.retries ?? RETRIES)) throw error;
        await pause(Math.max(error.retryAfterMs ?? 0, backoffMs(WAITS, attempt, Math.random())), signal);
      }
    }
  }

  async #ask<T>(url: URL, signal: AbortSignal | undefined): Promise<T> {
    const { token, timeoutMs = TIMEOUT_MS } = this.#options;
    const limit = AbortSignal.timeout(timeoutMs);
    const headers = { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    try {
      const { status, ok, body } = await answerOf(url, headers, signal === undefined ? limit : AbortSignal.any([signal, limit]));
      if (ok) return parse<T>(status, body);
      throw errorOfAnswer(status, body);
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause;
      signal?.throwIfAborted();
      const why = limit.aborted ? `no answer within ${String(timeoutMs)} ms` : 'the gateway can\'t be reached';
      throw new GatewayError('unavailable', `${why}: ${url.origin}${url.pathname}`, { cause });
    }
  }
}

type Answer = { readonly status: number; readonly ok: boolean; readonly body: string };

async function answerOf(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
  const answer = await fetch(url, { headers, signal, cache: 'no-store' });
  return { status: answer.status, ok: answer.ok, body: await answer.text() };
}

function parse<T>(status: number, body: string): T {
  try {
    // The gateway checks its answers against the same types before it sends them.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    return JSON.parse(body) as T;
  } catch (cause) {
    throw new GatewayError('unavailable', 'the answer is no JSON: is this the gateway?', { status, cause });
  }
}

function textOf(value: string | number | readonly string[]): string {
  return typeof value === 'object' ? value.join(',') : String(value);
}

/** An id's or an address' place in a path: in lower case, and nothing in it leads elsewhere. */
function pathOf(text: string): string {
  return text.toLowerCase().split('/').map(encodeURIComponent).join('/');
}
