// The contract's scenarios, and journals made up against the oracle, through the command.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { differences, journalNames } from '../oracle/compare.ts';
import { journal } from '../oracle/journals.ts';
import { fold } from '../oracle/oracle.ts';
import { fillstream, folderFor, lastLineOf, linesOf, summaryOf } from './command.ts';
import { SEED, repeatable, writeLines } from './journals.ts';
import { SCENARIOS, lineOf, loadScenarios, type Scenario } from './scenarios.ts';

const JOURNALS = 300;
const JOURNAL_SIZE = 300;

const scenarios = loadScenarios();
if (scenarios === null) {
  console.error(`SKIPPED: the contract's scenarios are not at ${SCENARIOS}; the command is NOT checked against them`);
  test('the command obeys the scenarios', { skip: `no scenarios at ${SCENARIOS}` }, () => {});
} else {
  test('the command obeys the scenarios', async (t) => {
    const folder = folderFor(t);
    const [journals, outputs] = [join(folder, 'in'), join(folder, 'out')];
    mkdirSync(journals);
    for (const { name, journal: entries, config } of scenarios) {
      writeLines(join(journals, `${name}.ndjson`), entries.map(lineOf));
      if (config !== undefined) writeFileSync(join(journals, `${name}.config.json`), JSON.stringify(config));
    }
    const ended = await fillstream(['run', '--journal-dir', journals, '--out-dir', outputs]);
    const summary = summaryOf(ended);
    assert.equal(ended.stdout, '');
    assert.equal(summary.records, scenarios.reduce((sum, scenario) => sum + scenario.journal.length, 0));
    assert.equal(summary.signals, scenarios.reduce((sum, scenario) => sum + scenario.signals.length, 0));
    for (const scenario of scenarios) await t.test(scenario.name.replaceAll('-', ' '), () => checkScenario(outputs, scenario));
  });
}

function checkScenario(outputs: string, { name, signals, quarantine, counts, journal: entries }: Scenario): void {
  const sent = linesOf(join(outputs, `${name}.signals.ndjson`)).map((line) => JSON.parse(line));
  assert.deepEqual(sent, signals);
  assert.deepEqual(sent.map((signal) => Object.keys(signal)), signals.map(Object.keys));
  const refused = linesOf(join(outputs, `${name}.quarantine.ndjson`)).map((line) => JSON.parse(line));
  assert.deepEqual(refused.map(({ reason }) => reason), quarantine);
  for (const { record } of refused) assert.ok(entries.some((entry) => JSON.stringify(entry) === JSON.stringify(record)), `${JSON.stringify(record)} as it came`);
  const summary = lastLineOf(readFileSync(join(outputs, `${name}.summary.json`), 'utf8'));
  assert.deepEqual({ ...summary, ...counts }, summary);
  assert.equal(summary.records, entries.length);
}

test('made-up journals give what the oracle gives, line by line', async (t) => repeatable(async () => {
  const folder = folderFor(t);
  const [journals, outputs, expected] = [join(folder, 'in'), join(folder, 'out'), join(folder, 'expected')];
  for (const path of [journals, expected]) mkdirSync(path);
  for (let seed = SEED; seed < SEED + JOURNALS; seed += 1) {
    const { lines, settings } = journal(seed, JOURNAL_SIZE);
    writeLines(join(journals, `s${seed}.ndjson`), lines);
    writeFileSync(join(journals, `s${seed}.config.json`), JSON.stringify(settings));
    const { signals, quarantine, counts } = fold(lines, settings);
    writeLines(join(expected, `s${seed}.signals.ndjson`), signals.map((signal) => JSON.stringify(signal)));
    writeLines(join(expected, `s${seed}.quarantine.ndjson`), quarantine.map((refusal) => JSON.stringify(refusal)));
    writeFileSync(join(expected, `s${seed}.summary.json`), JSON.stringify(counts));
  }
  summaryOf(await fillstream(['run', '--journal-dir', journals, '--out-dir', outputs]));
  assert.equal(journalNames(outputs).length, JOURNALS);
  assert.deepEqual(differences(outputs, expected, true), []);
}));
