// The command as a process that lives until it is ended: faults of many minutes outlast what a test waits for.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, hearing, type Ended, type Running } from '../end-to-end/command.ts';

const SOURCE = join(ROOT, 'packages/cli/src/main.ts');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const COMPILE_CACHE = join(tmpdir(), 'fillstream-test-compile-cache');
/** None outlives this process. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts the command; what it writes to standard output is lost. `env` stands beside this process' own. */
export function launch(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  return launchScript(SOURCE, args, env);
}

/** The same, for another script. */
export function launchScript(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const started = performance.now();
  const child = spawn(process.execPath, [...NODE_FLAGS, script, ...args], { cwd: ROOT, env: environment(env), stdio: ['pipe', 'ignore', 'pipe'] });
  const { pid } = child;
  assert.ok(pid !== undefined);
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.stdin.end();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const ended = once(child, 'close').then(([code, signal]: unknown[]): Ended => ({
    code: typeof code === 'number' ? code : null,
    signal: signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT' ? signal : null,
    stdout: '', stderr, elapsedMs: performance.now() - started, maxRssBytes: null,
  }));
  return { pid, input: child.stdin, ended, heard: hearing(child.stderr), kill: (signal) => child.kill(signal) };
}

function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('FILLSTREAM_') && !name.startsWith('NODE_'));
  return { ...Object.fromEntries(own), NODE_COMPILE_CACHE: COMPILE_CACHE, FILLSTREAM_LOG: 'text', ...more };
}
