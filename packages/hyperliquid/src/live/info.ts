// The client of `POST /info`: every request within the weight of a minute, repeated with full jitter, its answer checked loosely.
//
// I1  A request reserves the most that its answer can weigh, and gives back what it didn't, when an answer is there that can be read.
// I2  Requests of the history go before account values: `priority`.
// I3  429, 5xx, silence, a cut, no JSON and JSON of another shape are one kind of failure: tried again, a bounded number of times.

import { settleUnanswered, type Budget, type Grant } from './budget.ts';
import { detailOf, type OnEvent } from './events.ts';
import { isObject, parseJson } from './frames.ts';
import type { Json } from './ports.ts';
import { isTime } from './rows.ts';
import type { ExchangeLimits, Periods } from './settings.ts';
import { jittered, sleep } from './waiting.ts';

/** No answer that was usable, after all attempts; `retryable` false when the exchange refused the request itself. */
export class InfoError extends Error {
  override readonly name = 'InfoError';
  readonly retryable: boolean;

  constructor(message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

/** Least first. */
export const PRIORITY = { repair: 0, status: 1, symbols: 2, audit: 3, account: 4 } as const;

export type AskOptions = { readonly priority: number; readonly signal: AbortSignal };

/** An account's value, `time` on the exchange's clock. */
export type AccountValue = { readonly time: number; readonly accountValue: string };

export type InfoOptions = {
  readonly url: string;
  readonly budget: Budget;
  readonly limits: ExchangeLimits;
  readonly periods: Periods;
  readonly attempts: number;
  readonly random: () => number;
  readonly onEvent: OnEvent;
};

type Request = { readonly type: string; readonly [field: string]: unknown };
type Reading<T> = { readonly base: number; readonly hasRows: boolean; readonly read: (answer: unknown) => T | null };

/** Weights by kind of answer; a row's part comes on top. */
const STATE_WEIGHT = 2;
const BASE_WEIGHT = 20;
/** 2,000 rows are below 2 MB. */
const GREATEST_ANSWER_BYTES = 32 << 20;

const ROWS: Reading<readonly Json[]> = { base: BASE_WEIGHT, hasRows: true, read: readRows };
const OBJECT: Reading<Json> = { base: BASE_WEIGHT, hasRows: false, read: (answer) => (isObject(answer) ? answer : null) };

export class InfoClient {
  readonly #options: InfoOptions;

  constructor(options: InfoOptions) {
    this.#options = options;
  }

  /** One page from `startTime` on (ms, inclusive), ascending. All methods throw InfoError, or the signal's reason. */
  async userFillsByTime(user: string, startTime: number, options: AskOptions): Promise<readonly Json[]> {
    return await this.#ask({ type: 'userFillsByTime', user, startTime }, ROWS, options);
  }

  /** Rows `{order, status, statusTimestamp}`. */
  async historicalOrders(user: string, options: AskOptions): Promise<readonly Json[]> {
    return await this.#ask({ type: 'historicalOrders', user }, ROWS, options);
  }

  /** `{order, status, statusTimestamp}`, or null for an order that the exchange doesn't know. */
  async orderStatus(user: string, oid: number, options: AskOptions): Promise<Json | null> {
    const read = { base: STATE_WEIGHT, hasRows: false, read: readOrderStatus };
    return (await this.#ask({ type: 'orderStatus', user, oid }, read, options)).update;
  }

  async accountValue(user: string, options: AskOptions): Promise<AccountValue> {
    return await this.#ask({ type: 'clearinghouseState', user }, { base: STATE_WEIGHT, hasRows: false, read: readAccountValue }, options);
  }

  async meta(options: AskOptions): Promise<Json> {
    return await this.#ask({ type: 'meta' }, OBJECT, options);
  }

  async spotMeta(options: AskOptions): Promise<Json> {
    return await this.#ask({ type: 'spotMeta' }, OBJECT, options);
  }

  async #ask<T>(request: Request, reading: Reading<T>, { priority, signal }: AskOptions): Promise<T> {
    const { attempts, periods, random, onEvent } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#tryOnce(request, reading, priority, signal);
      signal.throwIfAborted();
      if (answer.kind === 'answer') return answer.value;
      onEvent({ kind: 'requestFailed', request: request.type, detail: answer.detail, attempt });
      if (answer.kind === 'refused' || attempt >= attempts) {
        throw new InfoError(`${request.type}: ${answer.detail}`, { retryable: answer.kind !== 'refused', cause: answer.cause });
      }
      await sleep(jittered(attempt, { leastMs: periods.retryLeastMs, mostMs: periods.retryMostMs, random }), signal);
      signal.throwIfAborted();
    }
  }

  async #tryOnce<T>(request: Request, reading: Reading<T>, priority: number, signal: AbortSignal): Promise<Tried<T>> {
    const { limits, budget, periods, onEvent } = this.#options;
    const most = reading.base + (reading.hasRows ? Math.ceil(limits.rowsPerAnswer / limits.rowsPerWeight) : 0);
    const grant = await budget.take(most, { priority, signal });
    const since = performance.now();
    let isAnswered = false;
    try {
      const { status, text } = await this.#post(request, signal);
      isAnswered = true;
      if (status === 429) {
        budget.block(periods.throttleMs);
        onEvent({ kind: 'throttled', request: request.type });
        return { kind: 'failed', detail: 'status 429' };
      }
      if (status >= 400 && status < 500) return { kind: 'refused', detail: `status ${status}` };
      if (status !== 200) return { kind: 'failed', detail: `status ${status}` };
      return judged(text, reading, grant, limits);
    } catch (error) {
      return { kind: 'failed', detail: detailOf(error), cause: error };
    } finally {
      if (isAnswered) grant.settle();
      else settleUnanswered(grant, since);
    }
  }

  async #post(request: Request, signal: AbortSignal): Promise<{ readonly status: number; readonly text: string }> {
    const { url, periods } = this.#options;
    const ended = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(periods.requestMs))]);
    const response = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request), signal: ended, redirect: 'error',
    });
    return { status: response.status, text: await textOf(response) };
  }
}

type Tried<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'failed' | 'refused'; readonly detail: string; readonly cause?: unknown };

function judged<T>(text: string, { base, hasRows, read }: Reading<T>, grant: Grant, limits: ExchangeLimits): Tried<T> {
  const answer = parseJson(text);
  if (answer === undefined) return { kind: 'failed', detail: 'an answer that is no JSON' };
  const value = read(answer);
  if (value === null) return { kind: 'failed', detail: 'an answer of another shape' };
  const rows = hasRows && Array.isArray(answer) ? answer.length : 0;
  grant.settle(base + Math.ceil(rows / limits.rowsPerWeight)); // I1
  return { kind: 'answer', value };
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return '';
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > GREATEST_ANSWER_BYTES) throw new Error(`an answer of more than ${GREATEST_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readRows(answer: unknown): readonly Json[] | null {
  return Array.isArray(answer) && answer.every(isObject) ? answer : null;
}

function readOrderStatus(answer: unknown): { readonly update: Json | null } | null {
  if (!isObject(answer)) return null;
  if (answer['status'] === 'unknownOid') return { update: null };
  const { order } = answer;
  return isObject(order) && isObject(order['order']) && typeof order['status'] === 'string' ? { update: order } : null;
}

function readAccountValue(answer: unknown): AccountValue | null {
  if (!isObject(answer) || !isObject(answer['marginSummary'])) return null;
  const { time } = answer;
  const { accountValue } = answer['marginSummary'];
  return isTime(time) && typeof accountValue === 'string' ? { time, accountValue } : null;
}
