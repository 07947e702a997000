// What is asked of the gateway by request, once or again and again, as something a page can show in each of its states.

import { GatewayClient, GatewayError } from '@fillstream/client';
import { useEffect } from 'preact/hooks';
import { useSignal, type ReadonlySignal } from '@preact/signals';
import { token, tokenAsked } from './state.ts';

export type Fetched<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly value: T }
  /** `value`: what there was before it failed. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly value: T | null };

export type Request<T> = (client: GatewayClient, options: { readonly signal: AbortSignal }) => Promise<T>;

export function gatewayClient(): GatewayClient {
  return new GatewayClient({ url: location.origin, token: token.value ?? undefined, retries: 0 });
}

/** Asks anew when `key` or the token changes, and every so many milliseconds while the page is seen. */
export function useFetched<T>(key: string, request: Request<T>, everyMs?: number): ReadonlySignal<Fetched<T>> {
  const fetched = useSignal<Fetched<T>>({ kind: 'loading' });
  const given = token.value;
  useEffect(() => {
    fetched.value = { kind: 'loading' };
    const stop = new AbortController();
    void repeat(request, everyMs, stop.signal, (next) => {
      if (!stop.signal.aborted) fetched.value = next;
    });
    return () => stop.abort();
  }, [key, given, everyMs]);
  return fetched;
}

/** The last value there was. */
export function valueOf<T>(fetched: Fetched<T>): T | null {
  return fetched.kind === 'loading' ? null : fetched.value;
}

/** Of anything that was thrown. Asks for a token where that is what is missing. */
export function errorOf(error: unknown): GatewayError {
  const told = error instanceof GatewayError ? error : new GatewayError('internal', String(error));
  if (told.code === 'unauthorized') tokenAsked.value = told.message;
  return told;
}

const RETRY_MS = 3_000;

async function repeat<T>(
  request: Request<T>,
  everyMs: number | undefined,
  stop: AbortSignal,
  tell: (next: Fetched<T>) => void,
): Promise<void> {
  let last: T | null = null;
  for (;;) {
    let waitMs = everyMs;
    try {
      last = await request(gatewayClient(), { signal: stop });
      tell({ kind: 'ready', value: last });
    } catch (thrown) {
      if (stop.aborted) return;
      const error = errorOf(thrown);
      tell({ kind: 'failed', error, value: last });
      if (error.retryable) waitMs = Math.max(RETRY_MS, error.retryAfterMs ?? 0, everyMs ?? 0);
    }
    if (waitMs === undefined) return;
    await wait(waitMs, stop);
    if (stop.aborted) return;
  }
}

/** Until the time is over and somebody looks. */
async function wait(ms: number, stop: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    if (!document.hidden) resolve();
  }, ms);
  const look = (): void => {
    if (!document.hidden) resolve();
  };
  document.addEventListener('visibilitychange', look);
  stop.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  document.removeEventListener('visibilitychange', look);
}
