// The thread of guarded.ts: runs targets one after the other, and writes each case on the board before it is met.

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { HEAD_BYTES, type Asked, type Failure, type Outcome } from './guarded.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets/all.ts';

const LEAST_RUNS = 5;

class Board {
  readonly #head: Int32Array;
  readonly #case: Uint8Array;

  constructor(board: SharedArrayBuffer) {
    this.#head = new Int32Array(board, 0, HEAD_BYTES / 4);
    this.#case = new Uint8Array(board, HEAD_BYTES);
  }

  note(target: Target, bytes: Uint8Array): void {
    const some = bytes.subarray(0, this.#case.length);
    this.#case.set(some);
    this.#head[1] = TARGETS.indexOf(target);
    this.#head[2] = some.length;
    Atomics.add(this.#head, 0, 1);
  }
}

async function main({ job, board }: Asked): Promise<void> {
  const notes = new Board(board);
  const tell = (outcome: Outcome): void => parentPort?.postMessage(outcome);
  if (job.kind === 'replay') {
    for (const { target: name, path } of job.files) tell(await replayed(name, path, notes));
  } else {
    for (const target of TARGETS.filter(({ name }) => job.only.length === 0 || job.only.includes(name))) {
      tell(await fuzzed(target, Math.max(LEAST_RUNS, Math.ceil(job.runs * target.share / 1_000)), job.seed, notes));
    }
  }
  for (const { close } of TARGETS) await close?.();
}

async function fuzzed(target: Target, runs: number, seed: number, notes: Board): Promise<Outcome> {
  const started = performance.now();
  const property = fc.asyncProperty(target.cases, async (bytes) => {
    notes.note(target, bytes);
    await target.check(bytes);
  });
  const { failed, counterexample, errorInstance, counterexamplePath, numRuns } = await fc.check(property, { numRuns: runs, seed, endOnFailure: false });
  const [bytes] = counterexample ?? [new Uint8Array()];
  const failure = failed ? { message: `${messageOf(errorInstance)}\nseed ${String(seed)}, path ${counterexamplePath ?? ''}`, bytes: Uint8Array.from(bytes) } : null;
  return { target: target.name, file: null, cases: numRuns, ms: performance.now() - started, failure };
}

async function replayed(name: string, path: string, notes: Board): Promise<Outcome> {
  const started = performance.now();
  const bytes = readFileSync(path);
  const target = TARGETS.find((each) => each.name === name);
  const failure = await failureOf(target, bytes, notes);
  return { target: name, file: path, cases: 1, ms: performance.now() - started, failure };
}

async function failureOf(target: Target | undefined, bytes: Uint8Array, notes: Board): Promise<Failure | null> {
  if (target === undefined) return { message: 'there is no target of this name', bytes };
  notes.note(target, bytes);
  try {
    await target.check(bytes);
    return null;
  } catch (error) {
    return { message: messageOf(error), bytes };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function isAsked(value: unknown): value is Asked {
  return typeof value === 'object' && value !== null && 'job' in value && 'board' in value;
}

const asked: unknown = workerData;
if (isAsked(asked)) await main(asked);
