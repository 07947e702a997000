// Installs what the lockfile names, once: a stamp in node_modules tells whether it is there already.
//
// Runs under any Node from 20 on, with nothing installed.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Makes sure that the workspace is installed. Throws an Error whose message says what to do. */
export async function ensureInstalled(root) {
  const wanted = stampOf(root);
  if (readStamp(root) === wanted) return;
  const unlock = await lock(join(root, '.installing'));
  try {
    if (readStamp(root) !== wanted) install(root, wanted);
  } finally {
    unlock();
  }
}

function install(root, stamp) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  process.stderr.write('fillstream: installing what the lockfile names, once…\n');
  const { status, stdout, stderr, error } = spawnSync('npx', ['--yes', packageManager, 'install', '--frozen-lockfile'], {
    cwd: root, encoding: 'utf8', shell: process.platform === 'win32', env: { ...process.env, CI: 'true' },
  });
  if (status !== 0) {
    const output = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim();
    throw new Error(`${output}\nthe installation failed; it needs npm and, the first time, the package registry`);
  }
  writeFileSync(stampPath(root), stamp);
}

/** Equal exactly when the same packages are needed on the same kind of machine. */
function stampOf(root) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'pnpm-lock.yaml')));
  return `${hash.digest('hex')} ${process.platform}-${process.arch}`;
}

function readStamp(root) {
  try {
    return readFileSync(stampPath(root), 'utf8');
  } catch {
    return null;
  }
}

function stampPath(root) {
  return join(root, 'node_modules', '.fillstream-installed');
}

/** Waits until no other living process holds the lock; returns what gives it back. */
async function lock(path) {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isAlive(path)) await sleep(200);
      else rmSync(path, { force: true });
    }
  }
}

function isAlive(path) {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isNaN(pid) || process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}
