// Plans and faults of the live side and of subscribers, from a seed.

import type { Random } from '../../oracle/random.ts';
import type { ExchangeFault, LiveFault, LivePlan, SubscriberFault, SubscribersPlan } from './ports.ts';

/** About so many records come of an order. */
const RECORDS_AN_ORDER = 4;
/** Before it everybody finds together; so the oldest fill is within the reach of the first repair. */
const CALM_MS = 2_000;

/** In how many ways each goes wrong; the more often it stands here, the more often it is drawn. */
const EXCHANGE_FAULTS: readonly (readonly [ExchangeFault, readonly (string | null)[]])[] = [
  ['cut', ['reset', 'end']], ['half-open', [null]], ['slow', [null]], ['expire', [null]], ['repeat-snapshot', [null]],
  ['rubbish', ['binary', 'text', 'shape', 'deep', 'empty', 'utf8']], ['reorder', [null]], ['duplicate', [null]],
  ['lose', ['any', 'userFills', 'orderUpdates']], ['lose', ['userFills', 'userFills', 'any']], ['lose', ['orderUpdates', 'userFills']], ['truncate', ['text', 'fragment']], ['error-reply', [null]],
  ['missing-ack', ['ignored', 'unanswered']], ['limit-refusal', [null]], ['refuse-connect', ['503', 'hang', 'tcp']],
  ['rest-429', [null]], ['rest-500', [null]], ['rest-hang', [null]], ['rest-hang', [null]], ['rest-truncated', ['text', 'socket']],
  ['rest-invalid', ['html', 'shape']], ['rest-empty', [null]],
];

export function livePlanOf(random: Random, seed: number, events: number): LivePlan {
  const openMs = random.between(20_000, 60_000);
  const ordersPerSecond = events / RECORDS_AN_ORDER / (openMs / 1_000);
  return { seed, openMs, ordersPerSecond, addresses: random.between(2, 6), ingestors: random.between(1, 3), scale: random.pick([10, 10, 20, 30]) };
}

export function liveFaultsOf(random: Random, { openMs }: LivePlan, count: number): LiveFault[] {
  return Array.from({ length: count }, () => liveFaultOf(random, random.between(CALM_MS, openMs))).sort((one, other) => one.at - other.at);
}

function liveFaultOf(random: Random, at: number): LiveFault {
  const target = random.between(0, 9);
  const forMs = random.between(200, 12_000);
  if (random.chance(0.5)) return exchangeFaultOf(random, at, forMs);
  return random.pick<() => LiveFault>([
    () => ({ at, kind: 'ingestor-crash', target, downMs: random.between(100, 8_000), isPowerLoss: random.chance(0.4) }),
    () => ({ at, kind: 'ingestor-crash-appending', target, passing: random.between(0, 20), isAfter: random.chance(0.5) }),
    () => ({ at, kind: 'ingestor-stop', target, downMs: random.between(100, 5_000) }),
    () => ({ at, kind: 'ingestor-freeze', target, forMs }),
    () => ({ at, kind: 'ingestor-clock', target, byMs: random.between(-20_000, 20_000) }),
    () => ({ at, kind: 'broker-away', target, forMs }),
    () => ({ at, kind: 'ingestor-disk', target, how: random.pick(['torn', 'full']), forMs }),
    () => ({ at, kind: 'exchange-away', target, how: random.pick(['silent', 'reset']), forMs }),
    () => ({ at, kind: 'share', overlapMs: random.between(0, 6_000) }),
  ])();
}

function exchangeFaultOf(random: Random, at: number, forMs: number): LiveFault {
  const [first, ...others] = EXCHANGE_FAULTS;
  if (first === undefined) throw new RangeError('expected a fault');
  const [fault, [how = null, ...ways]] = random.pick([first, ...others]);
  return {
    at, kind: 'exchange', fault, how: random.pick([how, ...ways]), forMs,
    address: random.chance(0.5) ? random.between(0, 9) : null, times: random.between(1, 8),
  };
}

export function subscribersPlanOf(random: Random, seed: number, openMs: number, addresses: readonly string[] = []): SubscribersPlan {
  return { seed, openMs, addresses, gateways: random.between(1, 2), clients: random.between(1, 3), hasFiles: random.chance(0.15) };
}

export function subscriberFaultsOf(random: Random, { openMs }: SubscribersPlan, count: number): SubscriberFault[] {
  return Array.from({ length: count }, () => subscriberFaultOf(random, random.between(0, openMs))).sort((one, other) => one.at - other.at);
}

function subscriberFaultOf(random: Random, at: number): SubscriberFault {
  const target = random.between(0, 9);
  const [downMs, forMs] = [random.between(50, 5_000), random.between(100, 8_000)];
  return random.pick<() => SubscriberFault>([
    () => ({ at, kind: 'gateway-crash', target, downMs }),
    () => ({ at, kind: 'gateway-stop', target, downMs }),
    () => ({ at, kind: 'gateway-freeze', target, forMs }),
    () => ({ at, kind: 'client-crash', target, downMs }),
    () => ({ at, kind: 'client-freeze', target, forMs }),
    () => ({ at, kind: 'client-link', target, how: random.pick(['reset', 'end', 'half-open', 'slow', 'silent']), forMs }),
  ])();
}
