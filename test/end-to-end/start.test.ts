// `npm start`: the embedded pipeline as a process, on journals and on the fake exchange.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { assertNoStack, assertRefused, fillstream, start, folderFor, type Ended } from './command.ts';
import { SEED, marketLines, poisoned, randomOf, repeatable, writeLines } from './journals.ts';

const KILLS = 12;

/** Signals as a set: partitions have no order among each other. */
function signalsOf(...runs: readonly Pick<Ended, 'stdout'>[]): string[] {
  return runs.flatMap(({ stdout }) => stdout.split('\n').filter((line) => line !== '')).sort();
}

function countsOf({ stderr }: Ended): Record<string, unknown> {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

suite('a journal in the embedded pipeline', () => {
  test('gives the signals of a run, on any number of partitions, and nothing again at a second start', async (context) => {
    const folder = folderFor(context);
    const journal = join(folder, 'journal.ndjson');
    writeLines(journal, poisoned(marketLines({ seed: 5, records: 6_000 }), 500));
    const out = join(folder, 'signals.ndjson');
    await fillstream(['run', '--journal', journal, '--out', out]);
    const expected = readFileSync(out, 'utf8').trimEnd().split('\n').sort();
    for (const partitions of ['1', '4', '7']) {
      const args = ['start', '--no-gateway', '--journal', journal, '--data', join(folder, `data-${partitions}`), '--set', `partitions=${partitions}`];
      const first = await fillstream(args);
      assert.equal(first.code, 0, first.stderr);
      assertSameSet(signalsOf(first), expected);
      const second = await fillstream(args);
      assert.equal(second.stdout, '');
      assert.deepEqual(countsOf(second), countsOf(first));
    }
  });

  test('killed at any moment and started again, it ends with the same signals', async (context) => {
    await repeatable(async () => {
      const random = randomOf(SEED);
      const folder = folderFor(context);
      const journal = join(folder, 'journal.ndjson');
      writeLines(journal, marketLines({ seed: 6, records: 30_000 }));
      const args = (data: string): string[] => ['start', '--no-gateway', '--journal', journal, '--data', join(folder, data)];
      const whole = await fillstream(args('whole'));
      const runs: Ended[] = [];
      for (let kills = 0; kills < KILLS;) {
        const running = start(args('killed'));
        await sleep(150 + random() * whole.elapsedMs * 0.5);
        kills += running.kill('SIGKILL') ? 1 : 0;
        const ended = await running.ended;
        runs.push(ended);
        if (ended.code === 0) break;
      }
      const last = await fillstream(args('killed'));
      assert.equal(last.code, 0, last.stderr);
      assert.deepEqual(countsOf(last), countsOf(whole));
      // A kill between showing signals and noting that they were shown shows them again; none is lost, none differs.
      assertSameSet(signalsOf(...runs.map(withoutTornLine), last), signalsOf(whole));
    });
  });

  test('--fresh begins anew, and other settings are refused without it', async (context) => {
    const folder = folderFor(context);
    const journal = join(folder, 'journal.ndjson');
    writeLines(journal, marketLines({ seed: 7, records: 500 }));
    const args = ['start', '--no-gateway', '--journal', journal, '--data', join(folder, 'data')];
    const first = await fillstream(args);
    const other = await fillstream([...args, '--set', 'graceMs=1s']);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /made with other settings.*--fresh/);
    const fresh = await fillstream([...args, '--fresh']);
    assert.deepEqual(signalsOf(fresh), signalsOf(first));
  });

  test('a full log ends with the name of its setting, and a raised limit goes on', async (context) => {
    const folder = folderFor(context);
    const journal = join(folder, 'journal.ndjson');
    writeLines(journal, marketLines({ seed: 8, records: 30_000 }));
    const args = ['start', '--no-gateway', '--journal', journal, '--data', join(folder, 'data')];
    const full = await fillstream([...args, '--set', 'logLimitBytes=2MiB']);
    assert.equal(full.code, 1);
    assert.match(full.stderr, /the embedded log in .* is full.*logLimitBytes/);
    assertNoStack(full.stderr);
    const on = await fillstream(args);
    assert.equal(on.code, 0, on.stderr);
    assertSameSet(signalsOf(full, on), signalsOf(await fillstream(['run', '--journal', journal])));
  });

  test('a missing journal and a data folder that is a file are told in words', async (context) => {
    const folder = folderFor(context);
    const missing = await fillstream(['start', '--journal', join(folder, 'none'), '--data', join(folder, 'data')]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no such file/);
    writeFileSync(join(folder, 'file'), '');
    const blocked = await fillstream(['start', '--data', join(folder, 'file')]);
    assert.equal(blocked.code, 1);
    assertNoStack(missing.stderr + blocked.stderr);
  });
});

suite('the fake exchange', () => {
  test('ends by itself, goes on where it stopped, fetches what was traded meanwhile, and repeats no signal', async (context) => {
    const args = ['start', '--no-gateway', '--data', join(folderFor(context), 'data'), '--rate', '400', '--for', '3s'];
    const first = await fillstream(args);
    const second = await fillstream(args);
    for (const { code, stderr, stdout } of [first, second]) {
      assert.equal(code, 0, stderr);
      assert.ok(stdout.split('\n').length > 20, stderr);
    }
    const keys = signalsOf(first, second).map((line) => JSON.parse(line) as { id: string; revision: number }).map(({ id, revision }) => `${id} ${String(revision)}`);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(Number(countsOf(second)['records']) > Number(countsOf(first)['records']));
    assert.match(second.stderr, /records fetched \(connected\)/);
  });

  test('Ctrl-C ends it cleanly', async (context) => {
    const running = start(['start', '--data', join(folderFor(context), 'data')]);
    await running.heard(/watched/);
    running.kill('SIGINT');
    const { code, stderr, elapsedMs } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /goes on from here/);
    assert.ok(elapsedMs < 10_000);
  });

  test('wrong flags exit with 2', async () => {
    assert.equal((await fillstream(['start', '--for', 'soon'])).code, 2);
    assertRefused(await fillstream(['start', '--set', 'partitions=0']), 2, /partitions: expected a whole number from 1/);
  });
});

/** Neither has a line that the other lacks; the message stays short. */
function assertSameSet(found: readonly string[], expected: readonly string[]): void {
  const [here, there] = [new Set(found), new Set(expected)];
  assert.deepEqual([...there.difference(here)].slice(0, 2), [], 'missing');
  assert.deepEqual([...here.difference(there)].slice(0, 2), [], 'extra');
}

function withoutTornLine({ stdout }: Ended): Pick<Ended, 'stdout'> {
  return { stdout: stdout.slice(0, stdout.lastIndexOf('\n') + 1) };
}
