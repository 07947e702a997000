// Durable runs: killed, stopped, grown, merged, packed, and with somebody else's state.

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  INSTALLED, assertNoStack, assertRefused, countsOf, fillstream, folderFor, linesOf, mountFor, shell, start, summaryOf, type Ended, type Options,
  type Running,
} from './command.ts';
import { SEED, marketLines, poisoned, randomOf, repeatable, writeLines } from './journals.ts';
import { until } from './until.ts';

const RECORDS = 60_000;
const KILLS = 50;
const PATIENCE = { patienceMs: 20_000 };

const LINES = poisoned(marketLines({ seed: 'durable', addresses: 60, records: RECORDS }), 500);
const SMALL_LINES = poisoned(marketLines({ seed: 'small', addresses: 10, records: 6_000 }), 300);

/** One place for a run's files: the same arguments every time. */
class Place {
  readonly folder: string;
  readonly out: string;
  readonly quarantine: string;
  readonly state: string;
  readonly journals: readonly string[];

  constructor(folder: string, journals: readonly string[]) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.journals = journals;
    this.out = join(folder, 'signals.ndjson');
    this.quarantine = join(folder, 'quarantine.ndjson');
    this.state = join(folder, 'state');
  }

  get args(): string[] {
    return ['run', ...this.journals.flatMap((path) => ['--journal', path]), '--out', this.out, '--quarantine', this.quarantine, '--state', this.state];
  }

  /** Everything the run left but how long it took. */
  result(ended: Ended) {
    return { counts: countsOf(summaryOf(ended)), signals: linesOf(this.out), quarantine: linesOf(this.quarantine) };
  }

  async run(options: Options = {}) {
    return this.result(await fillstream(this.args, options));
  }
}

/** What a run in memory makes of lines: the reference. */
async function undisturbed(folder: string, lines: readonly string[], settings: readonly string[] = []) {
  mkdirSync(folder, { recursive: true });
  const [journal, out, quarantine] = ['journal', 'signals', 'quarantine'].map((name) => join(folder, name)) as [string, string, string];
  writeLines(journal, lines);
  const ended = await fillstream(['run', '--journal', journal, '--out', out, '--quarantine', quarantine, ...settings]);
  return { counts: countsOf(summaryOf(ended)), signals: linesOf(out), quarantine: linesOf(quarantine), elapsedMs: ended.elapsedMs };
}

function assertSame(actual: Awaited<ReturnType<Place['run']>>, { elapsedMs: _, ...expected }: Awaited<ReturnType<typeof undisturbed>>): void {
  assert.deepEqual(actual.counts, expected.counts);
  assert.equal(actual.signals.length, expected.signals.length);
  assert.ok(actual.signals.join('\n') === expected.signals.join('\n'), 'the signals are byte for byte the same');
  assert.ok(actual.quarantine.join('\n') === expected.quarantine.join('\n'), 'the quarantine is byte for byte the same');
}

/** Resolves when the file has another size than before, or when the process has ended. */
async function grownOrEnded(path: string, before: number, { ended }: Running): Promise<void> {
  let hasEnded = false;
  const end = ended.then(() => (hasEnded = true));
  while (!hasEnded && sizeOf(path) === before) await Promise.race([end, sleep(5)]);
}

suite('a durable run', { concurrency: 1 }, () => {
  test(`kill -9 at ${KILLS} random moments leads to the output of an undisturbed run`, async (t) => repeatable(async () => {
    const folder = folderFor(t);
    const expected = await undisturbed(join(folder, 'undisturbed'), LINES);
    const journal = join(folder, 'undisturbed', 'journal');
    const first = new Place(join(folder, 'first'), [journal]);
    const firstEnded = await fillstream(first.args);
    assertSame(first.result(firstEnded), expected);
    const random = randomOf(SEED);
    let kills = 0;
    let working = 0;
    for (let round = 0; kills < KILLS; round += 1) {
      const place = new Place(join(folder, String(round)), [journal]);
      for (;;) {
        const wanted = kills < KILLS;
        const before = sizeOf(place.out);
        const running = start(place.args);
        if (wanted && kills % 2 === 0) await grownOrEnded(place.out, before, running); // Half of them come while it writes.
        if (wanted) await Promise.race([running.ended, sleep(random() * firstEnded.elapsedMs * (kills % 2 === 0 ? 0.2 : 1))]);
        if (wanted) running.kill('SIGKILL');
        const ended = await running.ended;
        if (ended.signal !== 'SIGKILL') {
          assertNoStack(ended.stderr);
          assertSame(place.result(ended), expected);
          break;
        }
        kills += 1;
        if (sizeOf(place.out) !== before) working += 1;
      }
    }
    t.diagnostic(`${kills} kills hit a running process, ${working} of them while it wrote signals`);
    assert.equal(kills, KILLS);
    assert.ok(working >= KILLS / 4, `only ${working} of ${kills} kills came while it wrote signals`);
  }));

  test('a run over a journal that grew equals a fresh run over the whole', async (t) => {
    const folder = folderFor(t);
    const expected = await undisturbed(join(folder, 'undisturbed'), SMALL_LINES);
    const journal = join(folder, 'journal');
    const place = new Place(join(folder, 'grown'), [journal]);
    writeLines(journal, []);
    for (let from = 0; from < SMALL_LINES.length; from += 1_500) {
      appendFileSync(journal, SMALL_LINES.slice(from, from + 1_500).map((line) => `${line}\n`).join(''));
      await place.run();
    }
    assertSame(await place.run(), expected);
    assertSame(await place.run(), expected);
  });

  test('a journal that grew in the middle of a line gives what the whole gives', async (t) => {
    const folder = folderFor(t);
    const expected = await undisturbed(join(folder, 'undisturbed'), SMALL_LINES);
    const whole = SMALL_LINES.map((line) => `${line}\n`).join('');
    const journal = join(folder, 'journal');
    const place = new Place(join(folder, 'grown'), [journal]);
    for (const end of [Math.floor(whole.length / 2), whole.length - 1, whole.length]) {
      writeFileSync(journal, whole.slice(0, end));
      await place.run();
    }
    assertSame(await place.run(), expected);
  });

  test('two journals are merged by receivedAt, the one named first going first at a tie', async (t) => {
    const folder = folderFor(t);
    const records = marketLines({ seed: 'merge', addresses: 10, records: 6_000 });
    const isUpdate = (line: string): boolean => line.startsWith('{"kind":"orderUpdate"');
    const [fills, updates] = [records.filter((line) => !isUpdate(line)), records.filter(isUpdate)];
    const timeOf = (line: string): number => JSON.parse(line).receivedAt;
    const merged = [...fills.map((line) => ({ line, rank: 0 })), ...updates.map((line) => ({ line, rank: 1 }))]
      .sort((a, b) => timeOf(a.line) - timeOf(b.line) || a.rank - b.rank).map(({ line }) => line);
    const expected = await undisturbed(join(folder, 'undisturbed'), merged);
    const paths = [join(folder, 'fills'), join(folder, 'updates')] as const;
    writeLines(paths[0], fills);
    writeLines(paths[1], updates);
    const place = new Place(join(folder, 'merged'), paths);
    const running = start(place.args);
    await Promise.race([running.ended, sleep(300)]);
    running.kill('SIGKILL');
    await running.ended;
    assertSame(await place.run(), expected);
  });

  test('.gz, .zst and standard input give what the plain file gives, killed or not', async (t) => {
    const folder = folderFor(t);
    const expected = await undisturbed(join(folder, 'undisturbed'), SMALL_LINES);
    const plain = readFileSync(join(folder, 'undisturbed', 'journal'));
    const packed = [['j.gz', gzipSync(plain)], ['members.gz', gzipInMembers(plain)], ['j.zst', zstdCompressSync(plain)]] as const;
    for (const [name, bytes] of packed) {
      const journal = join(folder, name);
      writeFileSync(journal, bytes);
      const place = new Place(join(folder, `${name}.run`), [journal]);
      await killed(place, 320);
      assertSame(await place.run(), expected);
      assertSame(await place.run(), expected);
    }
    const place = new Place(join(folder, 'stdin'), ['-']);
    await killed(place, 320, { input: plain });
    assertSame(await place.run({ input: plain }), expected);
  });

  test('other settings, journals, outputs or another file of the same name are refused in one line', async (t) => {
    const folder = folderFor(t);
    const [journal, other] = [join(folder, 'journal'), join(folder, 'other')];
    writeLines(journal, SMALL_LINES.slice(0, 100));
    writeLines(other, SMALL_LINES.slice(100, 200));
    const place = new Place(folder, [journal]);
    const before = await place.run();
    const otherOut = place.args.map((argument) => argument === place.out ? join(folder, 'elsewhere') : argument);
    assertRefused(await fillstream([...place.args, '--set', 'graceMs=6s']), 1, /another run.*settings/);
    assertRefused(await fillstream([...place.args, '--journal', other]), 1, /another run.*journals/);
    assertRefused(await fillstream(otherOut), 1, /another run.*outputs/);
    assertSame(await place.run(), { ...before, elapsedMs: 0 });
    writeLines(journal, SMALL_LINES.slice(100, 200));
    assertRefused(await fillstream(place.args), 1, /another run.*journal/);
    writeLines(journal, SMALL_LINES.slice(0, 100));
    assertSame(await place.run(), { ...before, elapsedMs: 0 });
    writeFileSync(place.out, '');
    assertRefused(await fillstream(place.args), 1, /signals\.ndjson/);
  });

  test('a journal that became shorter is refused in one line', async (t) => {
    const folder = folderFor(t);
    const journal = join(folder, 'journal');
    writeLines(journal, SMALL_LINES);
    const place = new Place(folder, [journal]);
    await place.run();
    writeLines(journal, SMALL_LINES.slice(0, 3_000));
    assertRefused(await fillstream(place.args), 1, /short/);
  });

  test('a second process on the same state is told that it is in use', async (t) => {
    const folder = folderFor(t);
    const place = new Place(folder, ['-']);
    const first = start(place.args, { open: true });
    first.input.write(`${SMALL_LINES.slice(0, 50).join('\n')}\n`);
    await until('the output is there', () => existsSync(place.out), PATIENCE);
    assertRefused(await fillstream(place.args, { input: '' }), 1, /another process uses the state/);
    first.input.end(`${SMALL_LINES.slice(50).join('\n')}\n`);
    assert.equal(place.result(await first.ended).counts.records, SMALL_LINES.length);
  });

  test('a read-only state folder is refused in one line, and what it holds goes on where it can be written', async (t) => {
    const folder = folderFor(t);
    const journal = join(folder, 'journal');
    writeLines(journal, SMALL_LINES);
    const expected = await undisturbed(join(folder, 'undisturbed'), SMALL_LINES);
    const { folder: disk, remount } = mountFor(t, 'size=64m');
    const args = new Place(folder, [journal]).args.map((argument) => argument === join(folder, 'state') ? disk : argument);
    remount('ro');
    assertRefused(await fillstream(args), 1, /state/);
    remount('rw');
    summaryOf(await fillstream(args));
    remount('ro');
    assertRefused(await fillstream(args), 1, /state/);
    remount('rw');
    assertSame(new Place(folder, [journal]).result(await fillstream(args)), expected);
  });

  test('a file in place of the state folder, or a folder in place of an output, is refused in one line', async (t) => {
    const folder = folderFor(t);
    const journal = join(folder, 'journal');
    writeLines(journal, SMALL_LINES.slice(0, 10));
    const place = new Place(folder, [journal]);
    writeFileSync(place.state, 'no folder');
    assertRefused(await fillstream(place.args), 1, /state/);
    assert.equal(readFileSync(place.state, 'utf8'), 'no folder');
    mkdirSync(join(folder, 'b'));
    assertRefused(await fillstream(['run', '--journal', journal, '--out', join(folder, 'b')]), 1, /can't write/);
    writeFileSync(join(folder, 'b', 'fillstream.db'), 'x'.repeat(8_192));
    assertRefused(await fillstream(['run', '--journal', journal, '--out', place.out, '--state', join(folder, 'b')]), 1, /can't use the state/);
  });
});

suite('Ctrl-C', { concurrency: 1 }, () => {
  test('exits 130 within 2 s with everything so far on disk, and the same command goes on', async (t) => {
    const folder = folderFor(t);
    const expected = await undisturbed(join(folder, 'undisturbed'), LINES);
    const place = new Place(folder, [join(folder, 'undisturbed', 'journal')]);
    const running = start(place.args);
    await until('the output is there', () => existsSync(place.out) && statSync(place.out).size > 0, PATIENCE);
    assertInterrupted(await interrupt(running));
    linesOf(place.out);
    assertSame(await place.run(), expected);
  });

  test('exits 130 within 2 s while standard input says nothing', async (t) => {
    const folder = folderFor(t);
    const place = new Place(folder, ['-']);
    const running = start(place.args, { open: true });
    running.input.write(`${SMALL_LINES.slice(0, 50).join('\n')}\n`);
    await until('the output is there', () => existsSync(place.out), PATIENCE);
    await sleep(200);
    const ended = await interrupt(running);
    assertInterrupted(ended);
    const input = SMALL_LINES.map((line) => `${line}\n`).join('');
    assertSame(await place.run({ input }), await undisturbed(join(folder, 'undisturbed'), SMALL_LINES));
  });

  test('on a terminal, where the bootstrap gets it too, the summary still comes', (t) => {
    const folder = folderFor(t);
    const journal = join(folder, 'journal');
    writeLines(journal, LINES);
    const out = join(folder, 'signals');
    // `set -m`: a process group of its own, as a terminal's foreground job has.
    const line = `set -m; ${process.execPath} ${INSTALLED} run --journal ${journal} --out ${out} --state ${folder}/state &
      for try in $(seq 100); do [ -s ${out} ] && break; sleep 0.05; done; kill -INT -- -$!; wait $!`;
    const ended = shell(line);
    assert.equal(ended.code, 130, ended.stderr);
    assert.ok(ended.stderr.includes('{"records":'), ended.stderr);
  });
});

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function interrupt(running: ReturnType<typeof start>): Promise<Ended & { readonly tookMs: number }> {
  const began = performance.now();
  running.kill('SIGINT');
  const late = sleep(4_000).then(() => running.kill('SIGKILL'));
  const ended = await running.ended;
  void late;
  return { ...ended, tookMs: performance.now() - began };
}

function assertInterrupted(ended: Ended & { readonly tookMs: number }): void {
  assertNoStack(ended.stderr);
  assert.deepEqual([ended.code, ended.signal], [130, null], ended.stderr);
  assert.ok(ended.tookMs < 2_000, `it took ${ended.tookMs.toFixed(0)} ms`);
  assert.match(ended.stderr, /interrupted/);
}

async function killed(place: Place, afterMs: number, options: Options = {}): Promise<void> {
  const running = start(place.args, options);
  await Promise.race([running.ended, sleep(afterMs)]);
  running.kill('SIGKILL');
  await running.ended;
}

/** As `cat a.gz b.gz` leaves it, cut in the middle of a line. */
function gzipInMembers(bytes: Buffer): Buffer {
  const half = Math.floor(bytes.length / 2);
  return Buffer.concat([gzipSync(bytes.subarray(0, half)), gzipSync(bytes.subarray(half))]);
}
