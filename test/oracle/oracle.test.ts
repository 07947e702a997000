// The oracle against the contract's scenarios, the generator's reach, and the command end to end.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exact, ratio, plain } from './exact.ts';
import { journal } from './journals.ts';
import { fold } from './oracle.ts';

const SCENARIOS = join(import.meta.dirname, '../../../shared/scenarios');

if (!existsSync(SCENARIOS)) {
  console.error(`SKIPPED: the contract's scenarios are not at ${SCENARIOS}; the oracle is NOT checked against them`);
  test('the oracle obeys the scenarios', { skip: `no scenarios at ${SCENARIOS}` }, () => {});
} else {
  for (const file of readdirSync(SCENARIOS).filter((name) => name.endsWith('.json'))) {
    test(`the oracle obeys: ${file.replace('.json', '').replaceAll('-', ' ')}`, () => checkScenario(join(SCENARIOS, file)));
  }
}

function checkScenario(path: string): void {
  const scenario = JSON.parse(readFileSync(path, 'utf8'));
  const entries: readonly unknown[] = scenario.journal;
  const lines = entries.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)));
  const { signals, quarantine, counts } = fold(lines, scenario.config ?? {});
  assert.deepEqual(signals, scenario.signals);
  assert.deepEqual(signals.map((signal) => Object.keys(signal)), scenario.signals.map(Object.keys));
  assert.deepEqual(quarantine.map(({ reason }) => reason), scenario.quarantine);
  assert.deepEqual({ ...counts, ...scenario.counts }, counts);
}

test('a quotient is rounded half to even, whatever its sign', () => {
  const cases = [
    ['1', '8', '0.12'],
    ['3', '8', '0.38'],
    ['-1', '8', '-0.12'],
    ['-3', '8', '-0.38'],
    ['3', '-8', '-0.38'],
    ['0.001', '-1', '0'],
    ['10', '4', '2.5'],
  ] as const;
  for (const [a, b, expected] of cases) assert.equal(quotient(a, b), expected, `${a} / ${b}`);
});

function quotient(a: string, b: string): string {
  const [above, below] = [exact(a), exact(b)];
  assert.ok(above !== undefined && below !== undefined);
  return plain(ratio(above, below, 2));
}

test('the same seed gives the same journal, another seed another', () => {
  assert.deepEqual(journal(1, 200), journal(1, 200));
  assert.notDeepEqual(journal(1, 200).lines, journal(2, 200).lines);
});

test('generated journals reach every count, every reason and every trigger', () => {
  const totals = new Map<string, number>();
  for (let seed = 1; seed <= 60; seed += 1) {
    const { lines, settings } = journal(seed, 200);
    const { counts, signals, quarantine } = fold(lines, settings);
    assert.equal(counts.records, lines.length);
    assert.equal(counts.signals, signals.length);
    assert.equal(Object.values(counts.quarantined).reduce((sum, count) => sum + count, 0), quarantine.length);
    const { quarantined, triggers, ...flat } = counts;
    for (const [name, count] of Object.entries({ ...flat, ...quarantined, ...triggers })) {
      totals.set(name, (totals.get(name) ?? 0) + count);
    }
  }
  assert.deepEqual([...totals].filter(([, count]) => count === 0), []);
});

test('the command folds what it generates and finds its results equal, and a changed field different', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oracle-'));
  try {
    const [journals, a, b] = [join(folder, 'in'), join(folder, 'a'), join(folder, 'b')];
    run(0, 'generate', '--seed', '5', '--count', '3', '--size', '120', '--dir', journals);
    run(0, '--journal-dir', journals, '--out-dir', a);
    run(0, '--journal-dir', journals, '--out-dir', b);
    run(0, 'compare', a, b);
    const changed = join(b, 's6.signals.ndjson');
    writeFileSync(changed, readFileSync(changed, 'utf8').replace('"revision":1', '"revision":9'));
    assert.match(run(1, 'compare', a, b), /^s6: order .*revision 1 \| 9\n3 journals compared, 1 different\n$/);
    run(2, 'compare', a);
    run(2, '--journal', a);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function run(status: number, ...args: readonly string[]): string {
  const result = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });
  assert.equal(result.status, status, result.stderr);
  return result.stdout;
}
