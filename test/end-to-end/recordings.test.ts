// Recorded data of the exchange through the command, against the oracle.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fold, type Outcome } from '../oracle/oracle.ts';
import { SHARED, countsOf, fillstream, folderFor, linesOf, summaryOf } from './command.ts';

const DATA = join(SHARED, 'data');
const FILLS = join(DATA, 'leaders-fills.ndjson');
const UPDATES = join(DATA, 'leaders-order-updates.reconstructed.ndjson');
const REVERSALS = join(DATA, 'fills-2023-reversals.ndjson');

if (!existsSync(DATA)) {
  console.error(`SKIPPED: there is no recorded data at ${DATA}; the command is NOT checked against it`);
  test('recorded data gives the signals known', { skip: `no data at ${DATA}` }, () => {});
} else {
  test('eight accounts with their order updates give 1,400 signals with 10 revisions', async (t) => {
    const { signals, revisions } = await runAgainstOracle(folderFor(t), [FILLS, UPDATES]);
    assert.deepEqual({ signals, revisions }, { signals: 1_400, revisions: 10 });
  });

  test('an account of 2023 with 22 reversals gives 445 signals', async (t) => {
    const { signals } = await runAgainstOracle(folderFor(t), [REVERSALS]);
    assert.equal(signals, 445);
  });
}

async function runAgainstOracle(folder: string, journals: readonly string[]): Promise<Outcome['counts']> {
  const [out, quarantine] = [join(folder, 'signals'), join(folder, 'quarantine')];
  const named = journals.flatMap((path) => ['--journal', path]);
  const summary = summaryOf(await fillstream(['run', ...named, '--out', out, '--quarantine', quarantine]));
  const expected = fold(merged(journals.map((path) => readFileSync(path, 'utf8').trimEnd().split('\n'))));
  assert.deepEqual(linesOf(out), expected.signals.map((signal) => JSON.stringify(signal)));
  assert.deepEqual(linesOf(quarantine), expected.quarantine.map((refusal) => JSON.stringify(refusal)));
  assert.deepEqual(countsOf(summary), expected.counts);
  return expected.counts;
}

/** Each journal in its own order; of the heads the one received first, at a tie the journal named first. */
function merged(journals: readonly (readonly string[])[]): string[] {
  const places = journals.map(() => 0);
  const lines: string[] = [];
  for (;;) {
    let first = -1;
    let firstAt = Infinity;
    for (const [index, journal] of journals.entries()) {
      const line = journal[places[index]!];
      const receivedAt = line === undefined ? Infinity : JSON.parse(line).receivedAt;
      if (receivedAt < firstAt) [first, firstAt] = [index, receivedAt];
    }
    if (first < 0) return lines;
    lines.push(journals[first]![places[first]!]!);
    places[first]! += 1;
  }
}
