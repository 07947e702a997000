// `fillstream completion`: the scripts, asked by the shells themselves.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fillstream } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-completion-'));
const SHELLS = ['bash', 'zsh', 'fish'];

before(async () => {
  await Promise.all(SHELLS.map(async (shell) => {
    const { code, stdout, stderr } = await fillstream(['completion', shell]);
    assert.deepEqual([code, stderr], [0, '']);
    writeFileSync(join(folder, shell), stdout);
  }));
});

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(shell: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(shell, args, { encoding: 'utf8', cwd: folder });
  assert.deepEqual([status, stderr, error], [0, '', undefined]);
  return stdout;
}

/** What bash has for the last of the words. */
function inBash(...words: readonly string[]): readonly string[] {
  const ask = 'set -eu; source ./bash; source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fillstream; printf "%s\\n" ${COMPREPLY[@]+"${COMPREPLY[@]}"}';
  return run('bash', '-c', ask, 'bash', 'fillstream', ...words).split('\n').filter((line) => line !== '');
}

/** The same of fish, without descriptions. */
function inFish(line: string): readonly string[] {
  return run('fish', '--no-config', '-c', 'source ./fish; complete -C "$argv[1]"', `fillstream ${line}`).split('\n').filter((each) => each !== '').map((each) => each.split('\t')[0] ?? '');
}

/** As zsh runs a function that was made for bash; it chooses by the word's beginning itself. */
function inZsh(...words: readonly string[]): readonly string[] {
  const ask = `autoload -U compinit; compinit -D -u; source ./zsh
    asked() { emulate -L sh; setopt kshglob noshglob braceexpand; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fillstream; print -l -- "\${COMPREPLY[@]}" }
    asked "$@"`;
  return run('zsh', '-f', '-c', ask, 'zsh', 'fillstream', ...words).split('\n').filter((line) => line !== '' && line.startsWith(words.at(-1) ?? ''));
}

function isHere(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

test('bash completes every command that the help names', async () => {
  const { stdout } = await fillstream(['--help']);
  const named = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name);
  assert.ok(named.includes('doctor') && named.length > 10);
  const offered = inBash('');
  for (const name of named) assert.ok(offered.includes(name ?? ''), String(name));
});

test('bash completes commands, the flags of each, and the values of those that have few', () => {
  assert.deepEqual(inBash('st'), ['start', 'stack', 'status']);
  assert.deepEqual(inBash('topics', 'cr'), ['create']);
  assert.deepEqual(inBash('topics', 'create', '--rep'), ['--replication']);
  assert.deepEqual(inBash('topics', '--rep'), []);
  assert.deepEqual(inBash('processor', '--namespace', 'a', '--delivery', 'e'), ['exactly-once']);
  assert.deepEqual(inBash('processor', '--delivery', 'exactly-once', '--kafka-sa'), ['--kafka-sasl']);
  assert.deepEqual(inBash('completion', ''), ['bash', 'zsh', 'fish', '--help', '-h']);
});

test('bash completes file names where a value may be any, and no flag that is hidden', () => {
  assert.deepEqual(inBash('run', '--journal', ''), []);
  assert.match(run('bash', '-c', 'source ./bash; complete -p fillstream'), /-o default/);
  assert.deepEqual(inBash('doctor', '--redis-pass'), ['--redis-password-file']);
});

test('a value that reads like a command is none', () => {
  assert.deepEqual(inBash('run', '--out', 'start', '--journal-'), ['--journal-dir']);
});

test('zsh completes the same', { skip: isHere('zsh') ? false : 'no zsh here' }, () => {
  assert.deepEqual(inZsh('st'), ['start', 'stack', 'status']);
  assert.deepEqual(inZsh('topics', 'create', '--rep'), ['--replication']);
  assert.deepEqual(inZsh('processor', '--delivery', 'e'), ['exactly-once']);
});

test('fish completes the same', { skip: isHere('fish') ? false : 'no fish here' }, () => {
  assert.deepEqual(inFish('st').toSorted(), ['stack', 'start', 'status']);
  assert.deepEqual(inFish('topics create --rep'), ['--replication']);
  assert.deepEqual(inFish('processor --delivery e'), ['exactly-once']);
  assert.deepEqual(inFish('doctor --redis-pass'), ['--redis-password-file']);
});

test('another shell is bad usage', async () => {
  const { code, stderr } = await fillstream(['completion', 'tcsh']);
  assert.deepEqual([code, /bash, zsh, fish/.test(stderr)], [2, true]);
});
