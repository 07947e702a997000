// Clocks of their own for processes, by libfaketime: what a process takes for the wall clock is in a file beside it.
//
// T1  Only the wall clock moves: periods are measured by another one, as on a machine whose clock is set.

import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultCache } from '@fillstream/stack';

const LIBRARY = 'faketime/libfaketimeMT.so.1';
const run = promisify(execFile);

/** The library: the machine's, else Debian's unpacked into the cache; null where neither is to be had. */
export async function fetchFaketime(cache = defaultCache()): Promise<string | null> {
  const folder = join(cache, 'faketime-debian');
  return libraryIn('') ?? libraryIn(folder) ?? await unpacked(folder);
}

function libraryIn(root: string): string | null {
  return globSync(join(root, '/usr/lib/*-linux-*', LIBRARY))[0] ?? null;
}

/** Whole, or not at all. */
async function unpacked(folder: string): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  mkdirSync(join(folder, '..'), { recursive: true });
  const draft = mkdtempSync(`${folder}.draft-`);
  try {
    await run('apt-get', ['download', 'libfaketime'], { cwd: draft }).catch(async () => {
      await run('apt-get', ['update', '-q']);
      await run('apt-get', ['download', 'libfaketime'], { cwd: draft });
    });
    for (const file of globSync(join(draft, '*.deb'))) await run('dpkg', ['-x', file, draft]);
    if (!existsSync(folder)) renameSync(draft, folder);
    return libraryIn(folder);
  } catch {
    return null; // Told by who asked: clocks stay right then.
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** A process' environment, in which its clock is what the file says. A relative path is one from the folder it runs in. */
export function clockedBy(library: string, file: string): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', // T1
    NO_FAKE_STAT: '1',
  };
}

/** The clock goes wrong by so much, forwards or back, within a second or two. */
export function setClock(file: string, byMs: number): void {
  writeFileSync(file, `${byMs < 0 ? '' : '+'}${(byMs / 1_000).toFixed(3)}\n`);
}
