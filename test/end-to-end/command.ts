// The fillstream command as a process of its own, and the machine around it, for end-to-end tests.
//
// E1  What a process says and how it ends is collected whole; its greatest memory too, unless it was killed.
// E2  Everything a test makes (folders, mounts, processes) goes away with the test.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import type { Counts } from '@fillstream/core';

export const ROOT = join(import.meta.dirname, '../..');
/** Recorded data and scenarios that don't belong to the project; tests on them are skipped where it is absent. */
export const SHARED = join(ROOT, '../shared');
/** The command as it is installed: through the bootstrap. */
export const INSTALLED = join(ROOT, 'packages/cli/bin/fillstream.mjs');
const SOURCE = join(ROOT, 'packages/cli/src/main.ts');

/** Tells the greatest resident memory (KiB) on descriptor 3 when the process ends by itself. */
const WATCH = `import { writeSync } from 'node:fs';
process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS)));`;
const NODE_FLAGS = [
  '--max-semi-space-size=64', '--disable-warning=ExperimentalWarning', `--import=data:text/javascript,${encodeURIComponent(WATCH)}`,
];
/** Compiled sources for the hundreds of processes that tests start. */
const COMPILE_CACHE = join(tmpdir(), 'fillstream-test-compile-cache');
/** No test waits longer for a process. */
const TIMEOUT_MS = 600_000;

export type Ended = {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
  /** Greatest resident memory; null when it was killed. */
  readonly maxRssBytes: number | null;
};

export type Options = {
  readonly cwd?: string;
  /** Beside the test's own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** All of standard input; empty by default. */
  readonly input?: string | Uint8Array;
  /** Leave standard input open. */
  readonly open?: boolean;
  /** Standard output goes to this descriptor instead. */
  readonly stdout?: number;
};

export type Running = {
  readonly pid: number;
  readonly input: Writable;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error has a match, with its first group; rejects when it ends without one. */
  readonly heard: (pattern: RegExp) => Promise<string>;
  /** False once it has ended and is gone. */
  readonly kill: (signal: NodeJS.Signals) => boolean;
};

/** Runs the command to its end. */
export async function fillstream(args: readonly string[], options: Options = {}): Promise<Ended> {
  return await start(args, options).ended;
}

/** Starts the command; services tell lines, not JSON, unless they are told otherwise. */
export function start(args: readonly string[], options: Options = {}): Running {
  const started = performance.now();
  const child = spawn(process.execPath, [...NODE_FLAGS, SOURCE, ...args], {
    cwd: options.cwd ?? ROOT,
    env: environment(options.env),
    stdio: ['pipe', options.stdout ?? 'pipe', 'pipe', 'pipe'],
  });
  const input = child.stdin;
  assert.ok(input !== null && child.pid !== undefined);
  input.on('error', () => undefined); // It may end before it has read everything.
  if (options.open !== true) input.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const texts = Promise.all([textOf(child.stdout), textOf(child.stderr), textOf(readableOf(child.stdio[3]))]);
  const ended = once(child, 'exit').then(async ([code, signal]: unknown[]): Promise<Ended> => {
    clearTimeout(timer);
    const elapsedMs = performance.now() - started;
    const [stdout, stderr, memory] = await texts;
    return {
      code: typeof code === 'number' ? code : null,
      signal: signalOf(signal),
      stdout, stderr, elapsedMs,
      maxRssBytes: memory === '' ? null : Number(memory) * 1_024,
    };
  });
  return { pid: child.pid, input, ended, heard: hearing(child.stderr), kill: (signal) => child.kill(signal) };
}

/** Runs a line of shell; `$FILLSTREAM` starts the command. */
export function shell(line: string, env: Readonly<Record<string, string>> = {}): Pick<Ended, 'code' | 'stdout' | 'stderr'> {
  const FILLSTREAM = [process.execPath, ...NODE_FLAGS.slice(0, -1), SOURCE].join(' ');
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], {
    encoding: 'utf8', env: environment({ ...env, FILLSTREAM }), timeout: TIMEOUT_MS, cwd: ROOT, maxBuffer: 2 ** 30,
  });
  return { code: status, stdout, stderr };
}

function environment(more: Readonly<Record<string, string | undefined>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('FILLSTREAM_') && !name.startsWith('NODE_'));
  return { ...Object.fromEntries(own), NODE_COMPILE_CACHE: COMPILE_CACHE, FILLSTREAM_LOG: 'text', ...more };
}

async function textOf(stream: Readable | null): Promise<string> {
  if (stream === null) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of stream) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Waits for what a stream says. */
export function hearing(stream: Readable | null): Running['heard'] {
  let [text, isOver] = ['', stream === null];
  let news = Promise.withResolvers<void>();
  const tell = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    tell();
  });
  stream?.on('end', () => {
    isOver = true;
    tell();
  });
  return async (pattern) => {
    for (;;) {
      const match = pattern.exec(text);
      if (match !== null) return match[1] ?? '';
      if (isOver) throw new Error(`it ended without ${pattern.source}: ${text}`);
      await news.promise;
    }
  };
}

function readableOf(stream: unknown): Readable | null {
  return isReadable(stream) ? stream : null;
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === 'object' && stream !== null && Symbol.asyncIterator in stream;
}

function signalOf(signal: unknown): NodeJS.Signals | null {
  return signal === 'SIGKILL' || signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGPIPE' ? signal : null;
}

// ---- What it said

export type Summary = Counts & { readonly elapsedMs: number; readonly recordsPerSecond: number };

/** The counts on the last line of standard error; fails when it ended otherwise than by exit 0. */
export function summaryOf(ended: Pick<Ended, 'code' | 'stderr'>): Summary {
  assert.equal(ended.code, 0, ended.stderr);
  return lastLineOf(ended.stderr);
}

/** The counts on the last line, however it ended. */
export function lastLineOf(stderr: string): Summary {
  const value: unknown = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '');
  assert.ok(isSummary(value), stderr);
  return value;
}

function isSummary(value: unknown): value is Summary {
  return typeof value === 'object' && value !== null && 'records' in value && 'quarantined' in value && 'elapsedMs' in value;
}

/** The counts alone: what two runs over the same records have in common. */
export function countsOf({ elapsedMs: _, recordsPerSecond: __, ...counts }: Summary): Counts {
  return counts;
}

/** It failed as a command should: this exit code, one line that says why, no stack. */
export function assertRefused(ended: Pick<Ended, 'code' | 'stderr'>, code: number, message: RegExp): void {
  assertNoStack(ended.stderr);
  assert.equal(ended.code, code, ended.stderr);
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
  assert.match(ended.stderr, message);
}

export function assertNoStack(stderr: string): void {
  assert.doesNotMatch(stderr, /\n\s+at |this is a bug|node:internal/);
}

/** The JSON values of a file's lines; every line ends with a newline, or it was torn. */
export function linesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  assert.ok(text === '' || text.endsWith('\n'), `${path} ends in a torn line`);
  return text.split('\n').slice(0, -1);
}

// ---- The machine

/** A folder for the length of a test. */
export function folderFor(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-'));
  test.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A small file system of its own for the length of a test; fails where nothing can be mounted. */
export function mountFor(test: TestContext, options: string): { readonly folder: string; readonly remount: (options: string) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-mount-'));
  mount(['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  test.after(() => {
    spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, remount: (changed) => mount(['-o', `remount,${changed}`, folder]) };
}

function mount(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`this machine can't mount a tmpfs, which this test needs (Linux, root): ${error?.message ?? stderr}`);
}
