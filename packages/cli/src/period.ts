// Periods as users write them: 500ms, 5s, 10m, 1h, 30d.

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1], ['s', 1_000], ['m', 60_000], ['h', 3_600_000], ['d', 86_400_000],
]);
/** About 30 years: a greater period is a mistake. */
const GREATEST_PERIOD_MS = 1e12;

/** Milliseconds of a period such as `5s`, undefined when it is none. */
export function parsePeriod(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number.parseFloat(amount) * (UNIT_MS.get(unit === '' ? 'ms' : unit) ?? NaN);
  return Number.isInteger(ms) && ms <= GREATEST_PERIOD_MS ? ms : undefined;
}
