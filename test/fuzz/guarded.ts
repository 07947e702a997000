// A thread in which readers meet their cases: whoever started it sees the case under way, and notices when it takes too long or
// too much memory. What runs for ever, or eats all there is, can't tell itself.

import { Worker } from 'node:worker_threads';

/** What is asked of a thread. */
export type Job =
  | { readonly kind: 'fuzz'; readonly runs: number; readonly seed: number; readonly only: readonly string[] }
  | { readonly kind: 'replay'; readonly files: readonly { readonly target: string; readonly path: string }[] };

export type Outcome = {
  readonly target: string;
  /** Of a replay. */
  readonly file: string | null;
  readonly cases: number;
  readonly ms: number;
  readonly failure: Failure | null;
};

export type Failure = { readonly message: string; /** The smallest that was found. */ readonly bytes: Uint8Array };

/** Shared with the thread: a count of cases, the target's number and the case's length, then the case. */
export const HEAD_BYTES = 12;
const BOARD_BYTES = 4 << 20;
/** No case takes a second; on a machine that does other things too, none takes this. */
const HANGS_MS = 60_000;
const LOOK_MS = 1_000;
const HEAP_MIB = 1_024;

export type Asked = { readonly job: Job; readonly board: SharedArrayBuffer };

/** Outcomes as they come; a thread that was lost is one of them, and ends it. */
export async function runGuarded(job: Job, names: readonly string[], onOutcome: (outcome: Outcome) => void): Promise<void> {
  const board = new SharedArrayBuffer(BOARD_BYTES);
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { job, board } satisfies Asked, resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } });
  const view = new Int32Array(board, 0, HEAD_BYTES / 4);
  const lost: { why: string | null } = { why: null };
  let [seen, since] = [-1, performance.now()];
  const watch = setInterval(() => {
    const count = Atomics.load(view, 0);
    if (count !== seen) [seen, since] = [count, performance.now()];
    else if (performance.now() - since > HANGS_MS) {
      lost.why = `it went on for more than ${String(HANGS_MS / 1_000)} s`;
      void worker.terminate();
    }
  }, LOOK_MS);
  worker.on('message', (outcome: Outcome) => onOutcome(outcome));
  worker.on('error', (error) => (lost.why ??= error instanceof Error ? `the thread was lost: ${error.message}` : 'the thread was lost'));
  await new Promise((resolve) => worker.once('exit', resolve));
  clearInterval(watch);
  if (lost.why === null) return;
  const [, place = 0, length = 0] = view;
  const bytes = Buffer.from(board).subarray(HEAD_BYTES, HEAD_BYTES + length);
  onOutcome({ target: names[place] ?? 'unknown', file: null, cases: 0, ms: 0, failure: { message: lost.why, bytes: Uint8Array.from(bytes) } });
}
