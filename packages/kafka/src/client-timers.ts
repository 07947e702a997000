// What kafkajs 2.2.4 gets wrong about time, put right for all clients of this process.
//
// W1  Connections rest while no request waits to be sent: the client wakes each of them every millisecond, for nothing (its issue
//     1704), which is 5 % of a core for an idle processor, and a warning of timers in the past.
// W2  Heartbeats, the time-outs of requests and throttling go by the monotonic clock: by the wall clock, once it is set back, a
//     consumer is silent until that time comes again, and out of its group.

import { createRequire } from 'node:module';

type Class<T extends object> = { readonly prototype: T };
type RequestQueue = { readonly pending: readonly unknown[]; scheduleCheckPendingRequests: () => void };

const require = createRequire(import.meta.url);

/** Throws TypeError for a client of another version. */
export function mendTimers(): void {
  const queue = classOf<RequestQueue>('network/requestQueue', 'scheduleCheckPendingRequests');
  letConnectionsRest(queue);
  keepDistance(queue, 'throttledUntil');
  keepDistance(classOf('network/requestQueue/socketRequest', 'timeoutRequest'), 'sentAt');
  keepDistance(classOf('consumer/consumerGroup', 'heartbeat'), 'lastRequest');
}

/** W1. A request that may not be sent at once still is by the client's own timer. */
function letConnectionsRest({ prototype }: Class<RequestQueue>): void {
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleIfPending() {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/** W2. A property that holds a time of the wall clock, in milliseconds, or null: it stays as far from now as it was when it was set. */
function keepDistance({ prototype }: Class<object>, name: string): void {
  const times = new WeakMap<object, number>();
  Object.defineProperty(prototype, name, {
    get(this: object) {
      const time = times.get(this);
      return time === undefined ? null : time - performance.now() + Date.now();
    },
    set(this: object, value: number | null) {
      if (value === null) times.delete(this);
      else times.set(this, value - Date.now() + performance.now());
    },
  });
}

function classOf<T extends object>(path: string, method: string): Class<T> {
  const found: unknown = require(`kafkajs/src/${path}`);
  if (!hasMethod<T>(found, method)) throw new TypeError(`expected kafkajs 2.2.4, with ${method} in ${path}`);
  return found;
}

function hasMethod<T extends object>(value: unknown, method: string): value is Class<T> {
  return typeof value === 'function' && method in Object(value.prototype);
}
