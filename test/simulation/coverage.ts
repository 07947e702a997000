// What must have happened somewhere in a thousand seeds: else they prove less than they seem to.

import { FAULT_KINDS } from './plan.ts';

const JOURNAL = [
  ...FAULT_KINDS.map((kind) => `fault: ${kind}`),
  ...['request lost', 'reply lost', 'late', 'crash before', 'crash after', 'freeze before', 'freeze after', 'cut off'].map((fate) => `call: ${fate}`),
  // Of a take-over: how it went, and why the store was of no use.
  ...['resumed', 'caught-up', 'rebuilt'].map((how) => `taken over: ${how}`),
  ...['missing', 'void', 'gone'].map((loss) => `state lost: ${loss}`),
  'records replayed',
  ...['fenced', 'unknown-outcome', 'another owner', 'another checkpoint', 'gone', 'store-broken'].map((why) => `interrupted: ${why}`),
  'processor: ended by an error',
  // Of the servers.
  'broker: fenced', 'broker: aborted by a new producer', 'broker: slow markers', 'broker: transaction timed out',
  'group: rebalances', 'group: a member is out', 'log: offsets from commits',
  'checkpoints', 'store: orders fetched', 'store: an order expired', 'store: asked again', 'store: refuses for now',
  // Of the fold.
  ...['signals', 'revisions', 'finished', 'duplicates', 'stale', 'lateFills', 'orphaned'].map((name) => `fold: ${name}`),
  ...['complete', 'grace', 'quiet', 'timeout'].map((trigger) => `trigger: ${trigger}`),
  ...['malformed', 'bad-address', 'unknown-dir', 'dir-contradiction', 'conflict', 'late'].map((reason) => `refused: ${reason}`),
];

const LIVE = [
  ...['ingestor-crash', 'ingestor-crash-appending', 'ingestor-stop', 'ingestor-freeze', 'ingestor-clock', 'broker-away', 'ingestor-disk', 'exchange-away', 'share'].map((kind) => `live: ${kind}`),
  ...[
    'cut', 'half-open', 'slow', 'expire', 'repeat-snapshot', 'rubbish', 'reorder', 'duplicate', 'lose', 'truncate', 'error-reply', 'missing-ack',
    'limit-refusal', 'refuse-connect', 'rest-429', 'rest-500', 'rest-hang', 'rest-truncated', 'rest-invalid', 'rest-empty',
  ].map((fault) => `live: exchange ${fault}`),
  ...['gateway-crash', 'gateway-stop', 'gateway-freeze', 'client-crash', 'client-freeze', 'client-link'].map((kind) => `subscribers: ${kind}`),
  'feed: repairStarted', 'feed: repaired, connected', 'feed: repaired, audit', 'feed: disconnected, silent', 'ingestor: spilling', 'ingestor: drained',
  'ledger: orders compared', 'client: signals compared', 'gateway: client behind', 'live fold: duplicates',
];

/** What never happened, of what must have. */
export function neverHappened(counts: ReadonlyMap<string, number>): string[] {
  return [...JOURNAL, ...LIVE].filter((name) => (counts.get(name) ?? 0) === 0);
}
