// Plausible orders for generated journals: a chain of fills that fits its positions, and statuses that fit the fills.
//
// P1  cloid and twapId depend on the oid alone, so that "of any of its fills" has one answer.
// P2  A plan's records are in no order yet; whoever plays it shuffles, loses and repeats them.
import { absolute, add, exact, negate, plain, sum, ZERO, type Exact } from './exact.ts';
import { assetTypeOf, expectedDir } from './legs.ts';
import { shuffled, type Random } from './random.ts';
import type { Side } from './records.ts';

export type JsonRecord = { [field: string]: unknown };

const COINS = ['BTC', 'ETH', 'BTC', 'xyz:GOLD', 'kPEPE', '@107', 'PURR/USDC', '#12', '+5'] as const;
const PERP_CAUSES = [
  'Liquidated Cross Long',
  'Liquidated Isolated Short',
  'Market Backstop',
  'Auto-Deleveraging',
  'Settlement',
] as const;
const SPOT_CAUSES = ['Liquidated Spot', 'Settlement', 'Partial Liquidation'] as const;
const PERP_DIRS = ['Open Long', 'Close Long', 'Open Short', 'Close Short', 'Long > Short', 'Short > Long'] as const;
const WRONG_DIRS = [...PERP_DIRS, 'Buy', 'Sell'] as const;
const UNKNOWN_DIRS = ['Teleport', '', 'open long', 'Auto-Deleveraging ', 'Settlements', 'liquidated', 'Spot Dust'] as const;
const CANCELS = ['canceled', 'rejected', 'scheduledCancel', 'marginCanceled', 'reduceOnlyCanceled'] as const;
const MORE_CANCELS = [
  'selfTradeCanceled',
  'badAloPxRejected',
  'reduceOnlyRejected',
  'siblingFilledCanceled',
  'vaultCancel',
  'Canceled',
  'aCanceled',
] as const;
const NO_TERMINALS = ['open', 'open', 'triggered', 'resting', 'Filled', 'cancelled', 'canceledNot', ''] as const;

type Plan = {
  readonly address: string;
  readonly oid: number;
  readonly coin: string;
  readonly side: Side;
  readonly time: number;
  readonly digits: number;
  readonly isTwap: boolean;
  readonly causedDir: string | undefined;
  readonly hasCloid: boolean;
};

/** The records of one order of `address` that happens about `time` (ms); without receivedAt. */
export function orderRecords(random: Random, address: string, oid: number, time: number): JsonRecord[] {
  const coin = random.pick(COINS);
  const causes = assetTypeOf(coin) === 'futures' ? PERP_CAUSES : SPOT_CAUSES;
  const isTwap = random.chance(0.18);
  const plan: Plan = {
    address,
    oid,
    coin,
    side: random.pick(['B', 'A']),
    time,
    digits: random.pick([0, 0, 1, 2, 3, 9, 20]),
    isTwap,
    causedDir: random.chance(0.15) ? random.pick<string>(causes) : undefined,
    hasCloid: random.chance(0.3),
  };
  const sizes = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3, 4, 7]) }, () => sizeOf(random, plan.digits));
  const fills = fillChain(random, plan, sizes);
  const isStatusless = isTwap ? random.chance(0.9) : random.chance(0.2);
  const updates = isStatusless ? [] : updatesOf(random, plan, sum(sizes));
  if (updates.length > 0 && random.chance(0.08)) return updates;
  return random.chance(0.7) ? [...shuffled(random, updates), ...fills] : shuffled(random, [...fills, ...updates]);
}

function fillChain(random: Random, plan: Plan, sizes: readonly Exact[]): JsonRecord[] {
  let position = startOf(random, plan, sum(sizes));
  let { time } = plan;
  return sizes.map((size) => {
    const start = position;
    position = plan.side === 'B' ? add(position, size) : add(position, negate(size));
    if (random.chance(0.5)) time += random.pick([1, 7, 400, 1500, 3000]);
    return fillRecord(random, plan, size, start, time);
  });
}

/** Often inside the span that the order walks, so that it crosses or touches zero. */
function startOf(random: Random, plan: Plan, total: Exact): Exact {
  const against = plan.side === 'B' ? negate(total) : total;
  switch (random.between(0, 5)) {
    case 0:
      return ZERO;
    case 1:
      return against;
    case 2:
      return negate(against);
    case 3: {
      const size = sizeOf(random, plan.digits);
      return plan.side === 'B' ? negate(size) : size;
    }
    case 4:
      return { units: against.units / 2n, places: against.places };
    default:
      return sizeOf(random, plan.digits);
  }
}

function fillRecord(random: Random, plan: Plan, size: Exact, start: Exact, time: number): JsonRecord {
  const data: JsonRecord = {
    coin: plan.coin,
    px: priceText(random),
    sz: decimalText(random, size),
    side: plan.side,
    time,
    startPosition: decimalText(random, start),
    dir: dirOf(random, plan, size, start),
    closedPnl: random.pick(['0.0', '0', '-12.5', '3.000001', '-0.0', '1234567.89']),
    hash: random.pick(['0xaa', '0xbb', '0xcc']),
    oid: plan.oid,
    crossed: random.chance(0.5),
    fee: random.pick(['0.0', '0.1', '-0.00123456', '0.00000001', '0.33333333', '0.123456789012345', '7', '-0.000000015']),
    tid: tidOf(random),
    feeToken: random.chance(0.85) ? 'USDC' : random.pick(['HYPE', 'usdc', 'A', '7', '10', '__proto__', 'é']),
    twapId: plan.isTwap ? 1000 + plan.oid : null,
  };
  if (plan.hasCloid && random.chance(0.7)) data['cloid'] = `0xc${plan.oid}`;
  if (random.chance(0.08)) data['liquidation'] = liquidation(random, plan.address);
  if (random.chance(0.05)) data['builderFee'] = '0.01';
  if (random.chance(0.05)) data['feature'] = { unheardOf: [1, 2] };
  for (const field of ['closedPnl', 'fee', 'feeToken', 'tid', 'hash', 'crossed', 'twapId']) thin(random, data, field);
  const record: JsonRecord = { kind: 'fill', address: anyCase(random, plan.address), data };
  if (random.chance(0.2)) record['symbol'] = random.pick(['HYPE/USDC', 'GOLD', '']);
  if (random.chance(0.2)) record['source'] = random.pick(['ws', 'snapshot', 'repair', 'elsewhere']);
  return record;
}

function dirOf(random: Random, plan: Plan, size: Exact, start: Exact): string {
  if (random.chance(0.02)) return random.pick(WRONG_DIRS);
  if (random.chance(0.01)) return random.pick(UNKNOWN_DIRS);
  if (random.chance(0.005)) return random.pick([...PERP_CAUSES, ...SPOT_CAUSES]);
  if (plan.causedDir !== undefined && random.chance(0.9)) return plan.causedDir;
  if (assetTypeOf(plan.coin) !== 'futures') return plan.side === 'B' ? 'Buy' : 'Sell';
  const dir = expectedDir(plan.side, start, size);
  const isFlat = plain(absolute(start)) === plain(size);
  if (isFlat && dir === 'Close Long' && random.chance(0.3)) return 'Long > Short';
  if (isFlat && dir === 'Close Short' && random.chance(0.3)) return 'Short > Long';
  return dir;
}

function tidOf(random: Random): number {
  if (random.chance(0.08)) return 0;
  return random.chance(0.1) ? random.between(1, 6) : random.between(1, 1_100_000_000_000);
}

function liquidation(random: Random, address: string): unknown {
  const user = random.pick<unknown>([anyCase(random, address), anyCase(random, address), `0x${'9'.repeat(40)}`, null, 'x']);
  if (random.chance(0.03)) return [];
  return random.chance(0.9) ? { liquidatedUser: user, markPx: '1', method: 'market' } : {};
}

function updatesOf(random: Random, plan: Plan, total: Exact): JsonRecord[] {
  const updates: JsonRecord[] = [];
  const time = plan.time + random.pick([0, 0, 1, 500, 3000]);
  if (random.chance(0.4)) updates.push(updateRecord(random, plan, random.pick(NO_TERMINALS), total, total, plan.time));
  if (random.chance(0.55)) {
    updates.push(updateRecord(random, plan, 'filled', ZERO, total, time));
  } else {
    const rest = random.chance(0.8) ? sizeOf(random, plan.digits) : ZERO;
    updates.push(updateRecord(random, plan, random.pick([...CANCELS, ...MORE_CANCELS]), rest, add(total, rest), time));
  }
  while (random.chance(0.22)) updates.push(oddUpdate(random, plan, total, time));
  return updates;
}

/** Another status of the same order: a rival, one about nothing, a position stop, a size that fits no fill. */
function oddUpdate(random: Random, plan: Plan, total: Exact, time: number): JsonRecord {
  const status = random.pick(['filled', 'filled', ...CANCELS, ...MORE_CANCELS]);
  const at = time + random.pick([0, 0, 0, -1, 1, 700, -60_000]);
  const size = sizeOf(random, plan.digits);
  const [sz, origSz] = random.pick<[Exact, Exact]>([
    [ZERO, total],
    [total, total],
    [ZERO, ZERO],
    [add(total, size), total],
    [ZERO, add(total, size)],
    [size, add(total, size)],
    [total, ZERO],
    [ZERO, negate(total)],
    [negate(total), negate(total)],
  ]);
  return updateRecord(random, plan, status, sz, origSz, at);
}

function updateRecord(random: Random, plan: Plan, status: string, sz: Exact, origSz: Exact, at: number): JsonRecord {
  const order: JsonRecord = {
    coin: plan.coin,
    side: plan.side,
    limitPx: '1.0',
    sz: decimalText(random, sz),
    oid: plan.oid,
    timestamp: plan.time,
    origSz: decimalText(random, origSz),
  };
  if (random.chance(0.15)) order['reduceOnly'] = random.pick<unknown>([true, true, false, null]);
  const data = { order, status, statusTimestamp: at };
  return { kind: 'orderUpdate', address: anyCase(random, plan.address), data };
}

export function anyCase(random: Random, address: string): string {
  if (random.chance(0.8)) return address;
  return `0x${random.chance(0.5) ? address.slice(2).toUpperCase() : address.slice(2).replace('a', 'A')}`;
}

function sizeOf(random: Random, digits: number): Exact {
  const units = random.chance(0.5) ? random.between(1, 4) : random.between(1, 99_999);
  const filler = digits > 5 && random.chance(0.5) ? BigInt(random.between(1, 1_000_000_000)) * 10n ** BigInt(digits - 5) : 0n;
  return { units: BigInt(units) * 10n ** BigInt(digits > 5 ? 3 : 0) + filler, places: digits };
}

function priceText(random: Random): string {
  const whole = random.pick([0, 1, 3, 7, 100, 5000, 10_000, 97_123, 33_333_333]);
  return random.chance(0.4) ? String(whole) : `${whole}.${random.pick(['0', '5', '125', '3333', '000000000001', '70'])}`;
}

/** The same value, written with zeros to spare now and then. */
export function decimalText(random: Random, value: Exact): string {
  const text = plain(value);
  if (random.chance(0.75)) return text.includes('.') || random.chance(0.5) ? text : `${text}.0`;
  const padded = text.includes('.') ? `${text}00` : `${text}.000`;
  if (random.chance(0.3)) return padded.startsWith('-') ? padded.replace('-', '-0') : `00${padded}`;
  return value.units === 0n && random.chance(0.3) ? `-${padded}` : padded;
}

/** A little more or less than `text`, for fills that contradict another. */
export function nudged(text: string): string {
  return plain(add(exact(text) ?? ZERO, { units: 1n, places: 2 }));
}

function thin(random: Random, data: JsonRecord, field: string): void {
  if (random.chance(0.03)) Reflect.deleteProperty(data, field);
  else if (random.chance(0.02)) data[field] = null;
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
