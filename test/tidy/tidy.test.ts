// The house rules that a linter doesn't know.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
/** A file this long says at its top what it is. */
const HEADER_FROM_LINES = 40;
const PROSE_AND_CODE = /\.(?:tsx?|css|html|mjs|js|md|avsc|json|yaml|yml)$|^\.ci\/run$/;
const LOCKFILE = 'pnpm-lock.yaml';

/** Files that git has, and new ones that it would take. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n').filter((file) => PROSE_AND_CODE.test(file) && file !== LOCKFILE);
const sources = files.filter((file) => /\.tsx?$/.test(file));
const packages = ['packages', 'services'].flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)).concat('schemas', 'infra/stack');

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** `file: match` for every match, but in this file, which names them. */
function matches(pattern: RegExp, among: readonly string[] = files): string[] {
  return among.filter((file) => basename(file) !== 'tidy.test.ts')
    .flatMap((file) => (read(file).match(pattern) ?? []).map((match) => `${file}: ${match}`));
}

test('a long source file opens with its role', () => {
  const bare = sources.filter((file) => !file.endsWith('.test.ts') && basename(file) !== 'index.ts')
    .filter((file) => read(file).split('\n').length > HEADER_FROM_LINES && !/^(?:\/\/|\/\*|import .*\n(?:.*\n)*?\n?\/\*\*)/.test(read(file)));
  assert.deepEqual(bare, []);
});

test('nothing names a registry, a machine, or how the project is made', () => {
  assert.deepEqual(matches(/registry\.npmjs|pypi\.org|repo1\.maven|proxy\.golang|static\.crates|deb\.debian/g), []);
  assert.deepEqual(matches(/(?<![\w.$}])\/(?:work|root|home)\/\w+/g), []);
  assert.deepEqual(matches(/\b(?:Claude|subagent|AI assistant|issue #\d+|this session)\b/gi), []);
});

test('nothing is left for later or left out', () => {
  assert.deepEqual(matches(/\b(?:TODO|FIXME|XXX)\b|\.only\(/g, sources), []);
});

test('only packages have an index', () => {
  const indexes = sources.filter((file) => basename(file) === 'index.ts' && !/^(?:packages\/\w+|services\/\w+|schemas|infra\/stack)\/src\/(?:contract\/)?index\.ts$/.test(file));
  assert.deepEqual(indexes, []);
});

test("a test's name says one law, once in its file", () => {
  for (const file of sources.filter((name) => name.endsWith('.test.ts'))) {
    const names = Array.from(read(file).matchAll(/^test\('([^']+)'/gm), ([, name]) => name);
    assert.deepEqual(names.filter((name, place) => names.indexOf(name) !== place), [], file);
  }
});

test('every package says what it is, and stands on the map', () => {
  const map = read('ARCHITECTURE.md');
  for (const folder of packages) {
    const { description, license, type, version } = JSON.parse(read(`${folder}/package.json`)) as Record<string, string>;
    assert.deepEqual([license, type, version], ['MIT', 'module', '0.1.0'], folder);
    assert.ok((description ?? '').length > 10, folder);
    assert.ok(map.includes(folder), `ARCHITECTURE.md doesn't name ${folder}`);
  }
});

test('the table of settings in the README is the schema of the settings', () => {
  const listed = execFileSync(process.execPath, [join(ROOT, 'packages/cli/src/main.ts'), 'settings'], { encoding: 'utf8', cwd: dirname(ROOT) });
  const expected = listed.trimEnd().split('\n').map((line) => {
    const [, name = '', initial = '', about = ''] = /^(\S+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return `| \`${name}\` | \`${initial}\` | ${about} |`;
  });
  const readme = read('README.md').split('\n');
  assert.deepEqual(expected.filter((row) => !readme.includes(row)), []);
});

/** `ID text` of each numbered invariant at a file's top, its lines joined. */
function invariantsOf(file: string): string[] {
  const [header = ''] = /^(?:\/\/.*\n)+/.exec(read(file)) ?? [];
  return header.replaceAll(/\n\/\/ {5}(?=\S)/g, ' ').split('\n')
    .flatMap((line) => (/^\/\/ (?<id>[A-Z]\d+) {2}(?<text>.*)$/.exec(line)?.slice(1) ?? []).join(' ') || []);
}

test("the map's invariants are those at the files' tops", () => {
  const listed = new Map<string, string[]>();
  let rows: string[] = [];
  for (const line of read('ARCHITECTURE.md').split('\n')) {
    const [, file, id, text] = /^\| (?:`([\w./-]+)`)? ?\| ([A-Z]\d+) \| (.*) \|$/.exec(line) ?? [];
    if (file !== undefined) listed.set(file, rows = []);
    if (id !== undefined) rows.push(`${id} ${text ?? ''}`);
  }
  assert.ok(listed.size > 100);
  for (const [file, invariants] of listed) assert.deepEqual(invariants, invariantsOf(file), file);
});
