// Installs what the lockfile names, once: a stamp in node_modules tells whether it is there already.
//
// Runs under any Node from 20 on, with nothing installed.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const STALE_LOCK_MS = 10 * 60_000;

/** Makes sure that the workspace is installed. Ends the process with a message when it can't be. */
export async function ensureInstalled(root) {
  const wanted = stampOf(root);
  if (readStamp(root) === wanted) return;
  await lock(root);
  try {
    if (readStamp(root) !== wanted) install(root, wanted);
  } finally {
    rmSync(lockPath(root), { recursive: true, force: true });
  }
}

function install(root, stamp) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  process.stderr.write('fillstream: installing what the lockfile names, once…\n');
  const { status, stdout, stderr, error } = spawnSync('npx', ['--yes', packageManager, 'install', '--frozen-lockfile'], {
    cwd: root, encoding: 'utf8', shell: process.platform === 'win32', env: { ...process.env, CI: 'true' },
  });
  if (status !== 0) {
    process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n`);
    process.stderr.write('fillstream: the installation failed; it needs npm and, the first time, the package registry\n');
    process.exit(1);
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

/** Waits until no other process installs. */
async function lock(root) {
  for (;;) {
    try {
      mkdirSync(lockPath(root));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lockPath(root), { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > STALE_LOCK_MS) rmSync(lockPath(root), { recursive: true, force: true });
      else await sleep(200);
    }
  }
}

const lockPath = (root) => join(root, '.installing');
const stampPath = (root) => join(root, 'node_modules', '.fillstream-installed');
