// How often what happened: events added up, for `status` and metrics.

import type { LiveEvent } from './events.ts';

/** By the event's kind, and for what has one its reason, call or source: `disconnected.cut`, `leftOut.repeated`, `records.ws`. */
export type Tallied = Readonly<Record<string, number>>;

export class Tally {
  readonly #counts: Record<string, number> = {};

  get counts(): Tallied {
    return { ...this.#counts };
  }

  count(event: LiveEvent): void {
    const [name, amount] = entryOf(event);
    this.#counts[name] = (this.#counts[name] ?? 0) + amount;
  }
}

function entryOf(event: LiveEvent): readonly [name: string, amount: number] {
  switch (event.kind) {
    case 'disconnected': return [`disconnected.${event.end}`, 1];
    case 'repairStarted': return [`repairStarted.${event.reason}`, 1];
    case 'repaired': return [`repaired.${event.reason}`, 1];
    case 'repairFailed': return [`repairFailed.${event.reason}`, 1];
    case 'statusesUnasked': return ['statusesUnasked', event.orders];
    case 'requestFailed': return [`requestFailed.${event.request}`, 1];
    case 'repairRefused': return [`repairRefused.${event.why}`, 1];
    case 'sinkFailed': return [`sinkFailed.${event.call}`, 1];
    case 'records': return [`records.${event.source}`, event.records];
    case 'leftOut': return [`leftOut.${event.why}`, event.records];
    case 'connected':
    case 'gap':
    case 'badFrame':
    case 'unknownFrame':
    case 'errorFrame':
    case 'unknownCoin':
    case 'throttled':
    case 'overCapacity':
    case 'paused':
    case 'resumed':
      return [event.kind, 1];
  }
}
