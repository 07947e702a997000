// The history of benchmarks, and what is made from it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chartsOf } from '../charts/drawings.ts';
import { chartsIn, pageOf } from '../charts/page.ts';
import { readSources, stampOf } from '../charts/sources.ts';
import { foldedText, profileOf, stacksIn } from '../profile/profile.ts';
import { figure, readEntry, type Entry, type Figure } from './entry.ts';
import { GENERATED, PAGE } from './history.ts';

const REMEDY = 'run `npm run bench:charts`';
const MACHINE = { cpu: 'a processor', cores: 2, memoryGiB: 23, node: 'v26.10.0', kafka: '4.2.2', loadBefore: 0.1, loadAfter: 1.9 };

function entry(bench: Entry['bench'], figures: readonly Figure[]): Entry {
  return {
    bench,
    date: '2026-01-02T03:04:05.678Z',
    version: '0.1.0',
    revision: '0123456789ab',
    machine: MACHINE,
    settings: { records: 1_000 },
    baseline: 'the least',
    figures,
  };
}

const frame = (functionName: string, url = ''): { functionName: string; url: string; lineNumber: number } => ({
  functionName,
  url,
  lineNumber: 1,
});

test('every line of the history is of its form', () => {
  assert.doesNotThrow(readSources);
});

test('every chart on the page exists and was made from the current history', () => {
  const { hash } = readSources();
  for (const name of chartsIn(readFileSync(PAGE, 'utf8'))) {
    const file = join(GENERATED, `${name}.svg`);
    assert.ok(existsSync(file), `${name}.svg is missing: ${REMEDY}`);
    assert.ok(readFileSync(file, 'utf8').startsWith(stampOf(hash)), `${name}.svg is of another history: ${REMEDY}`);
  }
});

test('the measured parts of the page are those of the current history', () => {
  const { history, stacks } = readSources();
  const page = readFileSync(PAGE, 'utf8');
  const names = new Set(chartsOf(history, stacks).map(({ name }) => name));
  assert.equal(pageOf(page, history, names), page, REMEDY);
});

test('a line that says less, more or something else is refused, and told where', () => {
  const good = entry('journals', [figure('run', 'throughput', 'records/s', [10, 12, 11], { base: [20, 22, 24] })]);
  assert.deepEqual(readEntry(JSON.stringify(good)), good);
  assert.equal(good.figures[0]?.ratio, 0.5);
  const refused: [object, RegExp][] = [
    [{ ...good, bench: 'nothing' }, /line\/bench/],
    [{ ...good, host: 'mine' }, /additional properties/],
    [{ ...good, figures: [] }, /line\/figures/],
    [{ ...good, date: 'yesterday' }, /line\/date/],
    [{ ...good, machine: { ...MACHINE, cores: 'two' } }, /line\/machine\/cores/],
    [{ ...good, figures: [{ ...good.figures[0], runs: [] }] }, /runs/],
    [{ ...good, figures: [{ ...good.figures[0], runs: ['fast'] }] }, /runs/],
  ];
  for (const [bad, why] of refused) assert.throws(() => readEntry(JSON.stringify(bad)), why);
});

test('a part of the page is written from its bench alone, and left as it is without', () => {
  const page = 'A\n<!-- measured: replay -->\nold\n<!-- /measured -->\nB\n<!-- measured: live -->\nold\n<!-- /measured -->\n';
  const history = [
    entry('replay', [figure('a replay', 'throughput', 'records/s', [1_234_560, 1_000_000, 2_000_000], { base: [1_000_000] })]),
  ];
  const written = pageOf(page, history, new Set());
  assert.match(written, /\| a replay \| 1,234,560 \(1,000,000–2,000,000\) \| 1\.23 \|/);
  assert.match(written, /B\n<!-- measured: live -->\nold\n/);
  assert.equal(pageOf(written, history, new Set()), written);
});

test('a profile counts from the first decision to the last, by the innermost function that names a phase', () => {
  const nodes = [
    { id: 1, callFrame: frame('(root)'), children: [2, 5, 6] },
    { id: 2, callFrame: frame('step', 'file:///x/packages/runtime/src/loop.ts'), children: [3] },
    { id: 3, callFrame: frame('decide', 'file:///x/packages/runtime/src/decide.ts'), children: [4] },
    { id: 4, callFrame: frame('apply', 'file:///x/packages/core/src/partition.ts') },
    { id: 5, callFrame: frame('(garbage collector)') },
    { id: 6, callFrame: frame('(idle)') },
  ];
  const { phases, stacks, busy } = profileOf({
    nodes,
    samples: [6, 2, 3, 4, 5, 6, 4, 2],
    timeDeltas: [5, 7, 10, 20, 30, 40, 50, 60],
  });
  assert.deepEqual(
    ['decide', 'gc', 'idle', 'other'].map((phase) => phases.get(phase as 'gc')),
    [80, 30, 40, 0],
  );
  assert.equal(busy, 177);
  assert.deepEqual(stacksIn(foldedText(stacks)), stacks);
  assert.equal(stacks.get('decide;step (runtime);decide (runtime);apply (core)'), 70);
});
