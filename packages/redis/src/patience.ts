// Repeats a call to Redis that had no answer, or one that time may mend.
//
// P1  Every call may be repeated: a script that was carried out, asked again, changes nothing.
// P2  What repeating can't mend (a wrong password, a missing permission, a script's own error) fails at once.
// P3  Trouble is told when the first call meets it, and its end when the last one is through.

import { setTimeout as sleep } from 'node:timers/promises';
import { PortError } from '@fillstream/runtime';

export type PatienceOptions = {
  /** How long a call without an answer is repeated. */
  readonly patienceMs?: number;
  /** Told when trouble begins and when it ends, one line each. */
  readonly onTrouble?: (message: string) => void;
  /** Told of the kind of each call that failed, also of one that is repeated. */
  readonly onError?: (kind: RedisErrorKind) => void;
};

const PATIENCE_MS = 600_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** Redis before 7 names the error of a call in a script after a dash, inside an error of its own. */
const MENDABLE = [
  'LOADING', 'READONLY', 'MISCONF', 'OOM', 'BUSY',
  'NOREPLICAS', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'MOVED', 'ASK', 'NOSCRIPT',
];
const MENDABLE_REPLY = new RegExp(`(?:^|-)(?:${MENDABLE.join('|')})\\b|max number of clients`);
const UNTRUSTED = /CERT|SSL|TLS|ISSUER|VERIFY/;

/** `connection`: no answer; `limit`: it lets no more clients in; `refused`: what repeating can't mend; else what Redis calls it. */
export const REDIS_ERROR_KINDS = [
  'connection', 'loading', 'readonly', 'misconf', 'oom', 'busy', 'noreplicas', 'masterdown', 'clusterdown', 'tryagain', 'moved', 'ask', 'noscript',
  'limit', 'refused',
] as const;
export type RedisErrorKind = (typeof REDIS_ERROR_KINDS)[number];

export class Patience {
  readonly #patienceMs: number;
  readonly #onTrouble: (message: string) => void;
  readonly #onError: (kind: RedisErrorKind) => void;
  #troubled = 0;

  constructor({ patienceMs = PATIENCE_MS, onTrouble = () => undefined, onError = () => undefined }: PatienceOptions) {
    this.#patienceMs = patienceMs;
    this.#onTrouble = onTrouble;
    this.#onError = onError;
  }

  /** `isOver`: nobody waits for it any more. `explain`: what to say of an error. Throws PortError. */
  async persist<T>(call: () => Promise<T>, isOver: () => boolean, explain: (error: unknown) => string): Promise<T> {
    const until = performance.now() + this.#patienceMs;
    let isTroubled = false;
    try {
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
        try {
          const answer = await call();
          if (isTroubled && this.#troubled === 1) this.#onTrouble('redis: answers again');
          return answer;
        } catch (error) {
          if (isBug(error)) throw error;
          this.#onError(kindOf(error));
          if (!isMendable(error)) throw storeBroken(explain(error), false, error);
          if (isOver()) throw storeBroken(`${explain(error)}; the connection was closed`, false, error);
          if (performance.now() >= until) {
            throw storeBroken(`gave no answer for ${this.#patienceMs} ms: ${explain(error)}`, true, error);
          }
          if (!isTroubled && this.#troubled === 0) this.#onTrouble(`redis: ${explain(error)}; trying again`);
          if (!isTroubled) this.#troubled += 1;
          isTroubled = true;
          await sleep(pause);
        }
      }
    } finally {
      if (isTroubled) this.#troubled -= 1;
    }
  }
}

function storeBroken(message: string, retryable: boolean, error: unknown): PortError {
  return new PortError('store-broken', `redis: ${message}`, { retryable, cause: withoutCommand(error) });
}

function kindOf(error: unknown): RedisErrorKind {
  const { name, message } = reasonOf(error);
  if (name !== 'ReplyError') return isMendable(error) ? 'connection' : 'refused';
  const code = /(?:^|-)([A-Z]+)\b/.exec(message)?.[1]?.toLowerCase();
  if (/max number of clients/.test(message)) return 'limit';
  return REDIS_ERROR_KINDS.find((kind) => kind === code) ?? 'refused';
}

/** Whether the same call may do better later. */
export function isMendable(error: unknown): boolean {
  const reason = reasonOf(error);
  if (reason.name === 'ReplyError') return MENDABLE_REPLY.test(reason.message);
  return !('code' in reason && typeof reason.code === 'string' && UNTRUSTED.test(reason.code));
}

/** The innermost reason: of a Cluster its last node's, of several addresses of a host the first one's. */
export function reasonOf(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return new Error(String(error));
  return 'lastNodeError' in error && error.lastNodeError instanceof Error ? reasonOf(error.lastNodeError) : error;
}

/** ioredis keeps the command in its errors, with a password or a whole checkpoint in it: not for a log. */
export function withoutCommand(error: unknown): Error {
  const { name, message } = reasonOf(error);
  return new Error(`${name}: ${message}`);
}

function isBug(error: unknown): boolean {
  return error instanceof PortError || error instanceof TypeError || error instanceof RangeError;
}
