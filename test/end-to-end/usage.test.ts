// What the command says and how it ends: bad usage, help, settings, streams.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { INSTALLED, ROOT, assertNoStack, assertRefused, fillstream, folderFor, lastLineOf, shell, summaryOf, type Options } from './command.ts';
import { START_AT, marketLines, writeLines } from './journals.ts';

const ADDRESS = `0x${'a1'.repeat(20)}`;
/** One fill of 200 USD that opens 2, and nothing about its order. */
const FILL = JSON.stringify({
  kind: 'fill', address: ADDRESS, receivedAt: START_AT,
  data: { coin: 'BTC', px: '100', sz: '2', side: 'B', time: START_AT, startPosition: '0', dir: 'Open Long', oid: 1, tid: 1 },
});

function journalFor(test: TestContext, lines: readonly string[] = [FILL]): { readonly folder: string; readonly journal: string } {
  const folder = folderFor(test);
  const journal = join(folder, 'journal.ndjson');
  writeLines(journal, lines);
  return { folder, journal };
}

const BAD_USAGE: readonly (readonly [args: string, says: RegExp])[] = [
  ['run', /expected --journal FILE or --journal-dir FOLDER/],
  ['run --nonsense', /unknown option '--nonsense'/],
  ['nonsense', /unknown command 'nonsense'/],
  ['run --journal', /--journal/],
  ['run extra --journal x', /too many arguments|extra/],
  ['run --journal-dir x', /--out-dir/],
  ['run --out-dir x --journal y', /--journal-dir/],
  ['run --journal x --journal-dir y --out-dir z', /journal-dir/],
  ['run --journal-dir y --out-dir z --state s', /--state/],
  ['run --journal - --journal -', /standard input/],
  ['run --journal x --out x', /x is named twice/],
  ['run --journal x --out y --quarantine y', /y is named twice/],
  ['run --journal x --set', /--set/],
  ['run --journal x --set graceMs', /expected key=value/],
  ['run --journal x --set =5', /expected key=value/],
  ['run --journal x --set colour=blue', /no setting "colour", expected one of graceMs, /],
  ['run --journal x --set graceMs=soon', /graceMs.*expected milliseconds, or a time such as .*5s.*got "soon"/],
  ['run --journal x --set graceMs=', /graceMs.*expected milliseconds/],
  ['run --journal x --set graceMs=-5s', /graceMs.*expected milliseconds/],
  ['run --journal x --set graceMs=1.5', /graceMs.*expected milliseconds/],
  ['run --journal x --set graceMs=99999d', /graceMs.*expected milliseconds/],
  ['run --journal x --set memory=1.5', /memory.*expected a whole number from 0 to 1000000, got "1\.5"/],
  ['run --journal x --set memory=-1', /memory.*expected a whole number/],
  ['run --journal x --set lateFills=maybe', /lateFills.*expected revise or drop, got "maybe"/],
  ['run --journal x --set smallBelow=-5', /smallBelow.*expected a decimal amount.*got "-5"/],
  ['run --journal x --set smallBelow=1e3', /smallBelow.*expected a decimal amount/],
  ['run --journal x --set smallBelow=200000', /mediumBelow.*smallBelow/],
  ['run --journal x --set partitions=0', /partitions.*expected a whole number from 1 to 1024/],
  ['run --journal x --set logLimitBytes=much', /logLimitBytes.*expected a number of bytes/],
  ['run --journal x --config no-such-file.json', /no-such-file\.json/],
];

for (const [args, says] of BAD_USAGE) {
  test(`bad usage exits 2 and says in one line what was expected: ${args}`, async () => {
    const ended = await fillstream(args.split(' '));
    assertRefused(ended, 2, says);
    assert.equal(ended.stdout, '');
  });
}

test('no arguments: exit 2, and the commands there are', async () => {
  const { code, stdout, stderr } = await fillstream([]);
  assert.equal(code, 2);
  assertNoStack(stderr);
  assert.match(`${stdout}${stderr}`, /Usage: fillstream[^]*run/);
});

test('--help says how, everywhere, and exits 0', async () => {
  for (const args of [['--help'], ['-h'], ['help'], ['run', '--help'], ['help', 'run'], ['settings', '--help'], ['run', '--journal', 'x', '--help']]) {
    const { code, stdout, stderr } = await fillstream(args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    assert.match(stdout, /Usage: fillstream/);
  }
});

test('--version and `settings` exit 0, and every setting of the fold is listed', async () => {
  assert.match((await fillstream(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  const { code, stdout } = await fillstream(['settings']);
  assert.equal(code, 0);
  for (const name of ['graceMs', 'quietMs', 'timeoutMs', 'statusMs', 'finishedMs', 'quietFinishedMs', 'unfinishedMs', 'memory', 'startBehindMs', 'lateFills', 'smallBelow', 'mediumBelow']) {
    assert.match(stdout, new RegExp(`^${name} +\\S`, 'm'));
  }
});

test('the installed command runs through the bootstrap with the same output and exit codes', async (t) => {
  const { journal } = journalFor(t);
  const installed = (args: readonly string[]) => spawnSync('node', [INSTALLED, ...args], { encoding: 'utf8', cwd: ROOT });
  const direct = await fillstream(['run', '--journal', journal]);
  const { stdout, stderr, status } = installed(['run', '--journal', journal]);
  assert.deepEqual([stdout, status], [direct.stdout, 0], stderr);
  assert.equal(lastLineOf(stderr).signals, 1);
  assertRefused({ code: installed(['run']).status, stderr: installed(['run']).stderr }, 2, /expected --journal/);
});

test('standard output has signals only, standard error one line of JSON with the counts', async (t) => {
  const { journal } = journalFor(t);
  const ended = await fillstream(['run', '--journal', journal]);
  assert.equal(ended.stderr.split('\n').length, 2);
  const { records, fills, signals, elapsedMs, recordsPerSecond, triggers } = summaryOf(ended);
  assert.deepEqual([records, fills, signals, triggers.timeout], [1, 1, 1, 1]);
  assert.ok(elapsedMs >= 0 && recordsPerSecond > 0);
  assert.deepEqual(ended.stdout.trimEnd().split('\n').map((line) => JSON.parse(line).id), [`${ADDRESS}/1/open-long`]);
});

test('refused records that go nowhere are told before the counts', async (t) => {
  const { journal } = journalFor(t, ['{', FILL]);
  const { stderr } = await fillstream(['run', '--journal', journal]);
  assert.match(stderr, /^1 records? (was|were) refused; --quarantine FILE[^\n]*\n\{"records":2,[^\n]*\}\n$/);
});

/** The `positionSize` of the 200 USD fill tells which setting counts. */
async function sizeUnder(journal: string, args: readonly string[], options: Options = {}): Promise<string> {
  const ended = await fillstream(['run', '--journal', journal, ...args], options);
  summaryOf(ended);
  return JSON.parse(ended.stdout).positionSize;
}

test('--set goes over the environment, that over --config, that over the defaults', async (t) => {
  const { folder, journal } = journalFor(t);
  const config = join(folder, 'settings.json');
  writeFileSync(config, '{"smallBelow":"100","mediumBelow":150}');
  const env = { FILLSTREAM_MEDIUM_BELOW: '1000' };
  assert.equal(await sizeUnder(journal, []), 'small');
  assert.equal(await sizeUnder(journal, ['--config', config]), 'large');
  assert.equal(await sizeUnder(journal, ['--config', config], { env }), 'medium');
  assert.equal(await sizeUnder(journal, ['--config', config, '--set', 'smallBelow=500'], { env }), 'small');
  assert.equal(await sizeUnder(journal, ['--set', 'smallBelow=1', 'mediumBelow=2']), 'large');
  assert.equal(await sizeUnder(journal, ['--set', 'smallBelow=1', '--set', 'mediumBelow=2']), 'large');
  assert.equal(await sizeUnder(journal, ['--set', 'smallBelow=1', '--set', 'smallBelow=500']), 'small');
});

test('times are written as milliseconds or as 5s, 10m, 1h, 30d', async (t) => {
  const second = FILL.replace('"tid":1', '"tid":2').replace(`"receivedAt":${START_AT}`, `"receivedAt":${START_AT + 60_000}`);
  const { journal } = journalFor(t, [FILL, second]);
  const revisionsAt = async (value: string): Promise<number> => summaryOf(await fillstream(['run', '--journal', journal, '--set', `timeoutMs=${value}`])).revisions;
  const revisions = [];
  for (const value of ['59999', '59s', '0.5m', '60001', '61s', '2m', '1h', '1d', '60000', '1m', '60000ms']) revisions.push(await revisionsAt(value));
  assert.deepEqual(revisions, [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]);
});

test('a wrong variable or a wrong file of settings exits 2 and is named', async (t) => {
  const { folder, journal } = journalFor(t);
  const config = join(folder, 'settings.json');
  const run = async (env: Readonly<Record<string, string>> = {}) => await fillstream(['run', '--journal', journal, '--config', config], { env });
  for (const [written, says] of [['{', /settings\.json.*JSON object/], ['[]', /settings\.json.*JSON object/], ['{"graceMs":true}', /settings\.json.*graceMs.*expected/], ['{"grace_ms":1}', /settings\.json.*grace_ms/]] as const) {
    writeFileSync(config, written);
    assertRefused(await run(), 2, says);
  }
  writeFileSync(config, '{}');
  assertRefused(await run({ FILLSTREAM_GRACE_MS: 'x' }), 2, /FILLSTREAM_GRACE_MS.*expected/);
  assertRefused(await run({ FILLSTREAM_GRACE: '' }), 2, /FILLSTREAM_GRACE.*expected/);
  assertRefused(await run({ FILLSTREAM_COLOUR: 'x' }), 2, /FILLSTREAM_COLOUR/);
});

test('NAME.config.json holds the settings of NAME.ndjson alone', async (t) => {
  const { folder } = journalFor(t);
  const out = join(folder, 'out');
  for (const name of ['large', 'plain']) writeLines(join(folder, `${name}.ndjson`), [FILL]);
  writeFileSync(join(folder, 'large.config.json'), '{"smallBelow":"1","mediumBelow":"2"}');
  const summary = summaryOf(await fillstream(['run', '--journal-dir', folder, '--out-dir', out]));
  assert.equal(summary.records, 3);
  assert.deepEqual(readdirSync(out).sort(), ['journal', 'large', 'plain'].flatMap((name) => ['quarantine.ndjson', 'signals.ndjson', 'summary.json'].map((kind) => `${name}.${kind}`)));
  const sizeIn = (name: string): string => JSON.parse(shell(`cat ${join(out, name)}.signals.ndjson`).stdout).positionSize;
  assert.deepEqual(['journal', 'large', 'plain'].map(sizeIn), ['small', 'large', 'small']);
});

test('a wrong NAME.config.json exits 2 before anything is run', async (t) => {
  const { folder } = journalFor(t);
  const out = join(folder, 'out');
  writeLines(join(folder, 'z.ndjson'), [FILL]);
  for (const written of ['{', 'null', '{"graceMs":"soon"}', '{"colour":1}']) {
    writeFileSync(join(folder, 'z.config.json'), written);
    assertRefused(await fillstream(['run', '--journal-dir', folder, '--out-dir', out]), 2, /z\.config\.json/);
    assert.ok(!existsSync(out));
  }
});

test('a folder without journals is told in one line', async (t) => {
  const folder = folderFor(t);
  mkdirSync(join(folder, 'in'));
  assertRefused(await fillstream(['run', '--journal-dir', join(folder, 'in'), '--out-dir', join(folder, 'out')]), 1, /no journals/);
});

test('a reader of standard output that leaves ends the run quietly', (t) => {
  const { journal } = journalFor(t, marketLines({ seed: 'pipe', records: 40_000 }));
  const { stdout, stderr } = shell(`set -o pipefail; $FILLSTREAM run --journal ${journal} | head -1; echo "\${PIPESTATUS[0]}"`);
  const [signal, code] = stdout.split('\n');
  assert.equal(JSON.parse(signal ?? '').revision, 1);
  assertNoStack(stderr);
  assert.doesNotMatch(stderr, /EPIPE/);
  assert.ok(stderr === '' || stderr.startsWith('{"records":'), stderr);
  t.diagnostic(`exit code ${String(code)}`);
});

test('a slow reader of standard output gets every signal', (t) => {
  const { journal } = journalFor(t, marketLines({ seed: 'slow', records: 20_000 }));
  const { stdout, stderr } = shell(`$FILLSTREAM run --journal ${journal} | (sleep 1; wc -l)`);
  assert.equal(Number(stdout), lastLineOf(stderr).signals);
});
