// `npm run bench:charts`: draws the charts of docs/PERFORMANCE.md from the history, and writes the parts of it that have figures.
//
// C1  The library that draws is installed when it is needed, in charts/, which is no part of the workspace.
// C2  A chart says what it was made from; one that nothing is drawn for any more is taken away.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartsOf } from './charts/drawings.ts';
import { pageOf } from './charts/page.ts';
import { readSources, stampOf } from './charts/sources.ts';
import type { Chart } from './charts/spec.ts';
import { GENERATED, PAGE } from './history/history.ts';

const FOLDER = join(import.meta.dirname, 'charts');
const PNPM = 'pnpm@12.21.0';
const MOST_BYTES = 256 * 2 ** 20;

async function main(): Promise<void> {
  const { history, stacks, hash } = readSources();
  const charts = chartsOf(history, stacks);
  install();
  mkdirSync(GENERATED, { recursive: true });
  const drawn = await draw(charts);
  for (const [place, { name }] of charts.entries())
    writeFileSync(join(GENERATED, `${name}.svg`), `${stampOf(hash)}\n${drawn[place] ?? ''}\n`);
  const names = new Set(charts.map(({ name }) => name));
  for (const file of readdirSync(GENERATED))
    if (file.endsWith('.svg') && !names.has(file.slice(0, -4))) rmSync(join(GENERATED, file));
  writeFileSync(PAGE, pageOf(readFileSync(PAGE, 'utf8'), history, names));
  console.log(`${String(charts.length)} charts of ${String(history.length)} recorded runs, and docs/PERFORMANCE.md`);
}

function install(): void {
  if (existsSync(join(FOLDER, 'node_modules/vega-lite/package.json'))) return;
  console.log('installing what draws the charts, once');
  execFileSync('npx', ['-y', PNPM, 'install', '--ignore-workspace', '--frozen-lockfile', '--dir', FOLDER], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function draw(charts: readonly Chart[]): Promise<string[]> {
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(process.execPath, [join(FOLDER, 'render.mjs')], { maxBuffer: MOST_BYTES }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`the charts weren't drawn: ${stderr}`, { cause: error }));
    });
    child.stdin?.end(JSON.stringify(charts.map(({ spec }) => spec)));
  });
  // Written by render.mjs.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(output) as string[];
}

await main();
