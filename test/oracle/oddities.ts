// The odd lines of a generated journal: what is refused, and what merely looks odd.
import { isRecord, type JsonRecord } from './plans.ts';
import type { Random } from './random.ts';

export const ADDRESSES = [`0x${'a1'.repeat(20)}`, `0x${'b2'.repeat(20)}`, `0x${'0c'.repeat(20)}`] as const;
export const NO_TRADES = [
  'Spot Dust Conversion',
  'Net Child Vaults',
  'Split Outcome',
  'Merge Outcome',
  'Merge Question',
  'Negate Outcome',
] as const;
const WRONG_VALUES: readonly [unknown, ...unknown[]] = [
  null,
  5,
  -1,
  1.5,
  'x',
  '',
  true,
  [],
  {},
  '1e5',
  '+1',
  '.5',
  '5.',
  ' 1',
  '-1',
  '0.0',
  '-0',
  '1,5',
  Number.MAX_SAFE_INTEGER + 1,
  1_760_000_000,
  1_760_000_000_000_000,
  1e12,
  1e12 - 1,
  1e13,
  1e13 + 1,
  '1760000000000',
];
const BAD_ADDRESSES = [
  '0x1234',
  '',
  `0X${'a1'.repeat(20)}`,
  'a1'.repeat(21),
  `0x${'a1'.repeat(19)}g1`,
  `0x${'a1'.repeat(20)} `,
  `0x${'a1'.repeat(20)}\n`,
  `0x${'a1'.repeat(21)}`,
] as const;
const BROKEN_LINES = [
  '',
  ' ',
  '{',
  '{"kind":"fill",',
  'null',
  '17',
  '"tick"',
  '[]',
  '[{"kind":"tick"}]',
  'NaN',
  '\u0000\u0001',
  '{}',
  "{'kind':'tick'}",
] as const;

/** A line that arrives at `now` (ms): a broken one, or one made of `model`, which it may change. */
export function oddLine(random: Random, model: JsonRecord, now: number): string {
  const record = { ...model, receivedAt: now };
  switch (random.between(0, 7)) {
    case 0:
      return random.pick(BROKEN_LINES);
    case 1:
      return JSON.stringify({ kind: random.pick(['gossip', 'Fill', '', 3, null]), receivedAt: now, data: {} });
    case 2:
      return JSON.stringify({ ...record, address: random.pick(BAD_ADDRESSES) });
    case 3:
      return JSON.stringify(noTrade(random, now));
    case 4:
      return JSON.stringify(record).slice(0, random.between(1, 60));
    case 5:
      return ` ${JSON.stringify(record).replace('"BTC"', '"\\u0042TC"')}\t`;
    default:
      spoil(random, record);
      return JSON.stringify(record);
  }
}

function noTrade(random: Random, now: number): JsonRecord {
  const data: JsonRecord = { dir: random.pick(NO_TRADES), coin: '@107', oid: random.pick<unknown>([7, 'x', null]) };
  const address = random.chance(0.8) ? random.pick(ADDRESSES) : random.pick<unknown>([...BAD_ADDRESSES, 5, null]);
  const receivedAt = random.chance(0.9) ? now : random.pick<unknown>([null, '1', 1_760_000_000]);
  return { kind: 'fill', address, receivedAt, data, symbol: random.pick<unknown>(['X', 5]) };
}

/** One field, at any depth, gets a value that is mostly wrong, or goes. */
function spoil(random: Random, record: JsonRecord): void {
  const { data } = record;
  const places = [record];
  if (isRecord(data)) places.push(data, data);
  const order = isRecord(data) ? data['order'] : undefined;
  if (isRecord(order)) places.push(order, order);
  const liquidation = isRecord(data) ? data['liquidation'] : undefined;
  if (isRecord(liquidation)) places.push(liquidation);
  const place = places[random.between(0, places.length - 1)] ?? record;
  const optional = place === data ? ['liquidation', 'cloid', 'builderFee'] : ['symbol', 'source'];
  const fields = [...Object.keys(place), ...optional];
  const field = fields[random.between(0, fields.length - 1)] ?? 'kind';
  if (random.chance(0.2)) Reflect.deleteProperty(place, field);
  else place[field] = random.pick(WRONG_VALUES);
}
