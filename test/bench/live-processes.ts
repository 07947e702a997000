// What `bench:live` runs beside itself: the fake exchange and the command, each as a process of its own.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const EXCHANGE = join(ROOT, 'packages/simulator/src/exchange/main.ts');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const COMPILE_CACHE = join(tmpdir(), 'fillstream-bench', 'compile');
/** None outlives the benchmark. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export type Launched = {
  readonly pid: number;
  readonly stdout: Readable;
  /** Resolves when standard error has so many matches; rejects when it ends before. */
  readonly heard: (pattern: RegExp, times?: number) => Promise<void>;
  /** Resolves to what standard error first has of it; rejects when it ends before. */
  readonly saying: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly end: () => Promise<void>;
};

export type Exchange = Launched & { readonly url: string; readonly addresses: readonly string[] };

export function launchScript(path: string, args: readonly string[]): Launched {
  return launch(path, args);
}

export function launchCommand(args: readonly string[]): Launched {
  return launch(COMMAND, args);
}

/** Resolves when it listens. Clients with an `x-forwarded-for` of their own have limits of their own. */
export async function launchExchange(options: { readonly seed: number; readonly addresses: number; readonly ordersPerSecond: number }): Promise<Exchange> {
  const launched = launch(EXCHANGE, [
    '--seed', String(options.seed), '--addresses', String(options.addresses), '--orders-per-second', String(options.ordersPerSecond),
    '--trust-forwarded-for', '--never-expire', '--no-ledger',
  ]);
  const said = await once(launched.stdout, 'data').then(([line]: unknown[]): unknown => JSON.parse(String(line)));
  assert.ok(isListening(said));
  return { ...launched, ...said };
}

function isListening(value: unknown): value is { readonly url: string; readonly addresses: readonly string[] } {
  return typeof value === 'object' && value !== null && 'url' in value && 'addresses' in value;
}

function launch(script: string, args: readonly string[]): Launched {
  const child = spawn(process.execPath, [...NODE_FLAGS, script, ...args], {
    cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env, FILLSTREAM_LOG: 'text' },
  });
  children.add(child);
  const closed = once(child, 'close').then(() => children.delete(child));
  let [stderr, hasEnded] = ['', false];
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  child.once('close', () => (hasEnded = true));
  const heard = async (pattern: RegExp, times = 1): Promise<void> => {
    while (Array.from(stderr.matchAll(new RegExp(pattern, 'g'))).length < times) {
      if (hasEnded) throw new Error(`${script} ended: ${stderr}`);
      await Promise.race([once(child.stderr, 'data'), closed]);
    }
  };
  return {
    pid: child.pid ?? 0,
    stdout: child.stdout,
    heard,
    saying: async (pattern) => {
      await heard(pattern);
      const said = pattern.exec(stderr);
      assert.ok(said !== null);
      return said;
    },
    end: async () => {
      child.kill('SIGTERM');
      await closed;
    },
  };
}
