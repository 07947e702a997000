// One service as a process of its own, which outlives the command that started it.
//
// P1  It is ready when its log says so and it answers; until then nobody is told that it runs.
// P2  Only the very process that was started is ever signalled, never another with its pid.
// P3  What starts or ends is told at once (`onChange`), so that whoever keeps a record loses no process, even if it is stopped
//     while it waits.
// P4  Each start has a log of its own; the one before is kept beside it as `NAME.previous.log`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from './errors.ts';
import { identify, isRunning, signal, type ProcessIdentity } from './identity.ts';
import { lastLines } from './run.ts';

const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 10_000;
const KILL_LIMIT_MS = 5_000;
const POLL_MS = 50;

export interface ProcessSpec {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it runs; made when missing. */
  readonly folder: string;
  readonly log: string;
  /** What its log says once it is ready. */
  readonly readyLine: string;
  /** Done before each start. */
  readonly prepare: () => Promise<void>;
  /** Whether it answers. */
  readonly probe: () => Promise<boolean>;
}

export interface StackProcessOptions {
  /** The process of an earlier start, if there was one. */
  readonly identity?: ProcessIdentity | null;
  readonly onChange?: (identity: ProcessIdentity | null) => void;
}

export class StackProcess {
  readonly spec: ProcessSpec;
  readonly #onChange: (identity: ProcessIdentity | null) => void;
  #identity: ProcessIdentity | null;

  constructor(spec: ProcessSpec, { identity = null, onChange = () => undefined }: StackProcessOptions = {}) {
    this.spec = spec;
    this.#identity = identity;
    this.#onChange = onChange;
  }

  get log(): string {
    return this.spec.log;
  }

  /** Null before a start and after an end that was asked for. */
  get pid(): number | null {
    return this.#identity?.pid ?? null;
  }

  get running(): boolean {
    return this.#identity !== null && isRunning(this.#identity);
  }

  /** Starts it and waits until it is ready; nothing when it runs. Throws StackError: `port-taken`, `not-ready`, `failed`. */
  async start(): Promise<void> {
    if (this.running) return;
    mkdirSync(this.spec.folder, { recursive: true });
    await this.spec.prepare();
    const identity = await spawnDetached(this.spec);
    this.#set(identity);
    await this.#waitReady(identity);
  }

  /** Asks it to end, and ends it after 10 s. True when it ran. */
  async stop(): Promise<boolean> {
    const asked = this.#signal('SIGTERM');
    if (asked && !await this.ended(STOP_LIMIT_MS)) await this.kill();
    this.#set(null);
    return asked;
  }

  /** Ends it as a crash would. True when it ran. */
  async kill(): Promise<boolean> {
    const killed = this.#signal('SIGKILL');
    if (killed && !await this.ended(KILL_LIMIT_MS)) {
      throw new StackError('failed', `${this.spec.name} (pid ${this.pid ?? 0}) doesn't end, even killed: end it by hand`);
    }
    this.#set(null);
    return killed;
  }

  /** Asks it to end without waiting, for a process that is about to end itself. */
  dismiss(): void {
    this.#signal('SIGTERM');
  }

  /** Waits for its end, at most so long; false when it still runs. */
  async ended(limitMs: number): Promise<boolean> {
    const end = performance.now() + limitMs;
    while (this.running && performance.now() < end) await sleep(POLL_MS);
    return !this.running;
  }

  #set(identity: ProcessIdentity | null): void {
    this.#identity = identity;
    this.#onChange(identity);
  }

  #signal(name: NodeJS.Signals): boolean {
    return this.#identity !== null && signal(this.#identity, name);
  }

  async #waitReady(identity: ProcessIdentity): Promise<void> {
    const end = performance.now() + READY_LIMIT_MS;
    while (!await this.#isReady()) {
      if (!isRunning(identity)) throw this.#endedEarly();
      if (performance.now() > end) {
        await this.kill();
        const told = `wasn't ready within ${READY_LIMIT_MS / 1_000} s and was ended; ${this.#told()}`;
        throw new StackError('not-ready', `${this.spec.name} ${told}`);
      }
      await sleep(POLL_MS);
    }
  }

  async #isReady(): Promise<boolean> {
    return readFileSync(this.log, 'utf8').includes(this.spec.readyLine) && await this.spec.probe();
  }

  #endedEarly(): StackError {
    this.#set(null);
    const taken = /address already in use|BindException|seems to be in use/i.test(readFileSync(this.log, 'utf8'));
    return new StackError(taken ? 'port-taken' : 'failed', `${this.spec.name} ended before it was ready; ${this.#told()}`);
  }

  #told(): string {
    return `the end of ${this.log}: ${lastLines(readFileSync(this.log, 'utf8')) || '(empty)'}`;
  }
}

async function spawnDetached(spec: ProcessSpec): Promise<ProcessIdentity> {
  const output = openLog(spec.log);
  const env = { ...process.env, ...spec.env };
  try {
    const child = spawn(spec.command, spec.args, { cwd: spec.folder, env, detached: true, stdio: ['ignore', output, output] });
    await once(child, 'spawn');
    child.unref();
    const pid = child.pid ?? 0;
    // A process that is gone already gets an identity nothing has.
    return identify(pid) ?? { pid, started: 'gone' };
  } catch (error) {
    throw new StackError('failed', `${spec.name} can't be started: ${String(error)}`, { cause: error });
  } finally {
    closeSync(output);
  }
}

function openLog(log: string): number {
  mkdirSync(dirname(log), { recursive: true });
  if (existsSync(log)) renameSync(log, log.replace(/(?:\.log)?$/, '.previous.log'));
  return openSync(log, 'a');
}

const owned = new Set<StackProcess>();

/** Ties processes to this one: they are asked to end when it ends. */
export function endWithThis(...processes: readonly StackProcess[]): void {
  if (owned.size === 0) process.once('exit', () => { for (const each of owned) each.dismiss(); });
  for (const each of processes) owned.add(each);
}
