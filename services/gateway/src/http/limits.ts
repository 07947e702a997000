// What one client may use, so that the others have theirs. Every limit is a setting.

import rateLimit from '@fastify/rate-limit';

export type Limits = {
  /** Of WebSocket and event streams together, in all, of each token, and of each IP. */
  readonly connections: number;
  readonly connectionsPerToken: number;
  readonly connectionsPerIp: number;
  readonly subscriptionsPerConnection: number;
  /** WebSocket messages to the gateway, of each token and of each IP, over all their connections. */
  readonly messagesPerMinute: number;
  /** HTTP requests, of each token and of each IP; a WebSocket's handshake is one. */
  readonly requestsPerMinute: number;
  /** HTTP requests of each IP whose answers haven't been read yet. */
  readonly requestsAtOncePerIp: number;
  /** Of a WebSocket message to the gateway. */
  readonly payloadBytes: number;
  /** What may wait for one client in memory; beyond it nothing is sent until it has read all of that. */
  readonly bufferBytes: number;
  /** A client that hasn't read what waits for it after this long is closed. */
  readonly drainMs: number;
  /** How often a client is asked for a sign of life; without one until the next time it's closed. */
  readonly heartbeatMs: number;
  /** Lives of orders that are folded at the same time. */
  readonly livesAtOnce: number;
};

export const DEFAULT_LIMITS: Limits = {
  connections: 5_000,
  connectionsPerToken: 50,
  connectionsPerIp: 50,
  subscriptionsPerConnection: 50,
  messagesPerMinute: 3_000,
  requestsPerMinute: 1_200,
  requestsAtOncePerIp: 100,
  payloadBytes: 65_536,
  bufferBytes: 1_048_576,
  drainMs: 60_000,
  heartbeatMs: 20_000,
  livesAtOnce: 4,
};

export const MINUTE_MS = 60_000;
const MOST_KEYS = 10_000;

export type Taken = { readonly kind: 'taken' } | { readonly kind: 'refused'; readonly retryAfterMs: number };

type Window = { readonly since: number; used: number };

/** Counts by key within a minute from a key's first; keys are bounded, the one that began first is forgotten first. */
export class MinuteCounter {
  readonly #windows = new Map<string, Window>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(key: string, now: number): Taken {
    const window = this.#windowOf(key, now);
    window.used += 1;
    if (window.used <= this.#limit) return { kind: 'taken' };
    return { kind: 'refused', retryAfterMs: window.since + MINUTE_MS - now };
  }

  #windowOf(key: string, now: number): Window {
    const found = this.#windows.get(key);
    if (found !== undefined && now - found.since < MINUTE_MS) return found;
    this.#windows.delete(key);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= MOST_KEYS && oldest !== undefined) this.#windows.delete(oldest);
    const window = { since: now, used: 0 };
    this.#windows.set(key, window);
    return window;
  }
}

/** Addresses that one client may have count as one: an IPv6 network of 64 bits. */
export function ipKeyOf(ip: string): string {
  return rateLimit.normalizeIP(ip);
}

/** Counts by key what is under way. */
export class AtOnce {
  readonly #used = new Map<string, number>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What gives the place back, once; null: all are in use. */
  take(key: string): (() => void) | null {
    const used = this.#used.get(key) ?? 0;
    if (used >= this.#limit) return null;
    this.#used.set(key, used + 1);
    return () => {
      const left = (this.#used.get(key) ?? 0) - 1;
      if (left > 0) this.#used.set(key, left);
      else this.#used.delete(key);
    };
  }
}
