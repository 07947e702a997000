// Connections that rest while no request waits to be sent: kafkajs 2.2.4 wakes each of them every millisecond, for nothing (its
// issue 1704), which is 5 % of a core for an idle processor, and a warning of timers in the past.

import { createRequire } from 'node:module';

type RequestQueue = { readonly pending: readonly unknown[]; scheduleCheckPendingRequests: () => void };

/** For all clients of this process. A request that may not be sent at once still is by the client's own timer. */
export function letConnectionsRest(): void {
  const queue: unknown = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
  if (!isClassOfQueues(queue)) throw new TypeError('expected kafkajs 2.2.4, with its queue of requests');
  const { prototype } = queue;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleIfPending() {
    if (this.pending.length > 0) schedule.call(this);
  };
}

function isClassOfQueues(value: unknown): value is { readonly prototype: RequestQueue } {
  return typeof value === 'function' && 'scheduleCheckPendingRequests' in Object(value.prototype);
}
