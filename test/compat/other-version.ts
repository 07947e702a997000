// Another version of this program beside this one: a copy of the sources with some lines changed, or the sources of a git ref.
// It runs as a process of its own, on the same servers, and is told nothing that an earlier version wouldn't know.
//
// V1  What a copy is to change has to be there, once, or the test that asks for it fails: it would compare a version with itself.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, hearing, type Ended, type Running } from '../end-to-end/command.ts';

/** One place of a file under the project's root. */
export type Change = { readonly file: string; readonly from: string; readonly to: string };

export type Version = {
  readonly name: string;
  /** Its command, for Node. */
  readonly main: string;
};

const SOURCES = ['packages', 'services', 'schemas', 'infra', 'package.json'];
const MAIN = 'packages/cli/src/main.ts';
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const LOCKFILE = 'pnpm-lock.yaml';

export const THIS_VERSION: Version = { name: 'this version', main: join(ROOT, MAIN) };

/** No process of another version outlives this one. */
const children = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts the command of a version; what it writes to standard output is lost. */
export function startVersion({ main }: Version, args: readonly string[]): Running {
  const started = performance.now();
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:FILLSTREAM|NODE)_/.test(name)));
  const child = spawn(process.execPath, [...NODE_FLAGS, main, ...args], { cwd: ROOT, env, stdio: ['pipe', 'ignore', 'pipe'] });
  assert.ok(child.pid !== undefined);
  children.add(child);
  child.stdin.end();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const ended = once(child, 'close').then(([code]: unknown[]): Ended => {
    children.delete(child);
    const elapsedMs = performance.now() - started;
    return { code: typeof code === 'number' ? code : null, signal: null, stdout: '', stderr, elapsedMs, maxRssBytes: null };
  });
  return { pid: child.pid, input: child.stdin, ended, heard: hearing(child.stderr), kill: (signal) => child.kill(signal) };
}

/** These sources with changes, in a folder that isn't there yet. */
export function changedVersion(name: string, folder: string, changes: readonly Change[]): Version {
  for (const source of SOURCES) cpSync(join(ROOT, source), join(folder, source), { recursive: true, verbatimSymlinks: true, filter: isSource });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, from, to } of changes) {
    const text = readFileSync(join(folder, file), 'utf8');
    assert.equal(text.split(from).length, 2, `${file} has to have once: ${from}`); // V1
    writeFileSync(join(folder, file), text.replace(from, () => to));
  }
  return { name, main: join(folder, MAIN) };
}

/** The sources of a commit, a branch or a tag; its dependencies are installed where they aren't those of this version. */
export function versionAt(ref: string, folder: string): Version {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-x', '-C', folder], { input: execFileSync('git', ['archive', ref], { cwd: ROOT, maxBuffer: 2 ** 30 }) });
  const isSame = readFileSync(join(folder, LOCKFILE), 'utf8') === readFileSync(join(ROOT, LOCKFILE), 'utf8');
  if (isSame) linkDependencies(folder);
  else install(folder);
  return { name: ref, main: join(folder, MAIN) };
}

function isSource(path: string): boolean {
  return !/(?:^|\/)(?:dist|\.turbo)(?:\/|$)|\.test\.ts$/.test(relative(ROOT, path));
}

/** The links that each package has to the others and to the one store of what was installed. */
function linkDependencies(folder: string): void {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const packages = ['packages', 'services', 'infra'].flatMap((parent) => readdirSync(join(folder, parent)).map((name) => join(parent, name)));
  for (const name of [...packages, 'schemas', 'test']) {
    const links = join(ROOT, name, 'node_modules');
    if (existsSync(links)) cpSync(links, join(folder, name, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  }
}

function install(folder: string): void {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert.ok(typeof manifest === 'object' && manifest !== null && 'packageManager' in manifest);
  const command = ['--yes', String(manifest.packageManager), 'install', '--frozen-lockfile'];
  execFileSync('npx', command, { cwd: folder, env: { ...process.env, CI: 'true' }, stdio: 'ignore' });
}
