// `npm run chaos`: every promise of docs/RELIABILITY.md, put to the test on real servers, as often as it says there.
//
//   --only NAME     scenarios whose names contain this
//   --rounds N      rounds of each instead of its own number
//   --seed N        the first journal's seed
//   --report        write the results into docs/RELIABILITY.md
//
// or, with --storm, faults of all kinds on the whole system, by a plan that the seed makes, and then the judge:
//
//   --minutes N     how long the faults go on (60)
//   --faults N      how many (200)
//   --seed N        the plan's and the market's
//   --brokers N     3, or 1
//   --orders N      orders a second (20)
//   --folder PATH   where data and logs stay

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../end-to-end/command.ts';
import { SCENARIOS } from './scenarios.ts';
import { runStorm } from './storm/command.ts';
import { World, type Counts, type Scenario } from './world.ts';

const REPORT = join(ROOT, 'docs/RELIABILITY.md');
const [BEGIN, END] = ['<!-- results -->', '<!-- end of results -->'];

type Result = { readonly scenario: Scenario; readonly counts: Counts; readonly seconds: number; readonly seed: number; readonly failure: string | null };

const { values: flags } = parseArgs({ options: {
  only: { type: 'string', default: '' }, rounds: { type: 'string' }, seed: { type: 'string' }, report: { type: 'boolean', default: false },
  storm: { type: 'boolean', default: false }, minutes: { type: 'string', default: '60' }, faults: { type: 'string', default: '200' },
  brokers: { type: 'string', default: '3' }, orders: { type: 'string', default: '20' }, folder: { type: 'string' },
} });
const seed = Number(flags.seed ?? Date.now() % 2 ** 31);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)); // The servers end with it.

process.exitCode = await (flags.storm ? throughStorm() : throughScenarios()) ? 0 : 1;

async function throughStorm(): Promise<boolean> {
  const { minutes, faults, brokers, orders, folder, report } = flags;
  return await runStorm({
    seed, minutes: Number(minutes), faults: Number(faults), brokers: Number(brokers), orders: Number(orders), folder, report: report ? REPORT : null,
  });
}

async function throughScenarios(): Promise<boolean> {
  const chosen = SCENARIOS.filter(({ name }) => name.includes(flags.only));
  if (chosen.length === 0) throw new Error(`--only: expected one of ${SCENARIOS.map(({ name }) => name).join(', ')}`);
  const results: Result[] = [];
  for (const scenario of chosen) {
    const result = await resultOf(scenario, Number(flags.rounds ?? scenario.rounds));
    results.push(result);
    console.log(`${result.failure === null ? '✓' : '✗'} ${lineOf(result)}`);
    if (result.failure !== null) console.log(result.failure);
  }
  if (flags.report) writeReport(results);
  return results.every(({ failure }) => failure === null);
}

async function resultOf(scenario: Scenario, rounds: number): Promise<Result> {
  const started = performance.now();
  const world = await World.start({ name: 'chaos', seed, thorough: true });
  const secondsNow = (): number => Math.round((performance.now() - started) / 1_000);
  try {
    return { scenario, counts: await scenario.run(world, rounds), seconds: secondsNow(), seed, failure: null };
  } catch (error) {
    return { scenario, counts: {}, seconds: secondsNow(), seed, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    await world.close();
  }
}

function lineOf({ scenario: { name }, counts, seconds, seed }: Result): string {
  return `${name}: ${countsText(counts)} (${String(seconds)} s, seed ${String(seed)})`;
}

function countsText(counts: Counts): string {
  return Object.entries(counts).map(([what, count]) => `${what} ${String(count)}`).join(', ');
}

/** Between its marks, a row a scenario; rows of scenarios that weren't run stay. */
function writeReport(news: readonly Result[]): void {
  const text = readFileSync(REPORT, 'utf8');
  const [head = '', rest = ''] = text.split(BEGIN);
  const [table = '', tail = ''] = rest.split(END);
  const rows = new Map(table.split('\n').filter((line) => /^\| (?!scenario|---)/.test(line)).map((line) => [line.split(' | ')[0]?.slice(2) ?? '', line]));
  for (const { scenario, counts, seconds, seed, failure } of news) {
    const outcome = failure === null ? '0' : `**failed**: ${failure.split('\n')[0] ?? ''}`;
    rows.set(scenario.name, `| ${scenario.name} | ${scenario.promise} | ${countsText(counts)} | ${outcome} | ${String(seconds)} s | ${String(seed)} |`);
  }
  const lines = SCENARIOS.flatMap(({ name }) => rows.get(name) ?? []);
  const header = '| scenario | promise | what was done, how often | anomalies | took | seed |\n|---|---|---|---|---|---|';
  writeFileSync(REPORT, `${head}${BEGIN}\n${header}\n${lines.join('\n')}\n${END}${tail}`);
}
