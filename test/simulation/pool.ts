// Threads that run seeds. Each has one seed at a time; one that hangs is ended, and its seed has failed.

import { Worker } from 'node:worker_threads';
import type { SeedOptions, SeedResult } from './seed.ts';
import type { Answer, Patch, Task, WorkerData } from './worker.ts';

export type PoolOptions = { readonly workers: number; readonly patches: readonly Patch[] };
type Job = Task & { readonly done: (result: SeedResult) => void; readonly failed: (error: Error) => void };

/** Real time that a seed may take. */
const HUNG_MS = 180_000;

export class Pool {
  readonly #options: PoolOptions;
  readonly #waiting: Job[] = [];
  readonly #threads = new Set<Worker>();
  readonly #free: Worker[] = [];
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    for (let count = 0; count < options.workers; count += 1) this.#startThread();
  }

  /** Rejects when the thread itself breaks, as with a patch that doesn't fit. */
  async run(seed: number, options: SeedOptions): Promise<SeedResult> {
    return await new Promise<SeedResult>((resolve, reject) => {
      this.#waiting.push({ seed, options, done: resolve, failed: reject });
      this.#handOut();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#threads, async (thread) => await thread.terminate()));
  }

  #startThread(): void {
    const thread = new Worker(new URL('worker.ts', import.meta.url), { workerData: { patches: this.#options.patches } satisfies WorkerData });
    this.#threads.add(thread);
    thread.once('message', () => {
      this.#free.push(thread);
      this.#handOut();
    });
    thread.once('error', (error) => {
      this.#threads.delete(thread);
      if (this.#threads.size === 0) for (const { failed } of this.#waiting.splice(0)) failed(error instanceof Error ? error : new Error(String(error)));
    });
  }

  #handOut(): void {
    while (this.#free.length > 0 && this.#waiting.length > 0 && !this.#isClosed) {
      const [thread, job] = [this.#free.shift(), this.#waiting.shift()];
      if (thread !== undefined && job !== undefined) this.#give(thread, job);
    }
  }

  #give(thread: Worker, job: Job): void {
    const finish = (end: () => void): void => {
      clearTimeout(timer);
      thread.off('message', onMessage);
      thread.off('error', onError);
      end();
    };
    const onMessage = (answer: Answer): void => {
      if (answer.kind !== 'result') return;
      finish(() => job.done(answer.result));
      this.#free.push(thread);
      this.#handOut();
    };
    const onError = (error: Error): void => {
      finish(() => job.failed(error));
      this.#startThread();
    };
    const timer = setTimeout(() => {
      finish(() => job.done(hung(job.seed)));
      this.#threads.delete(thread);
      void thread.terminate();
      this.#startThread();
    }, HUNG_MS);
    thread.on('message', onMessage);
    thread.on('error', onError);
    thread.postMessage({ seed: job.seed, options: job.options } satisfies Task);
  }
}

function hung(seed: number): SeedResult {
  const problems = [`broken: the run took more than ${String(HUNG_MS / 1_000)} s of real time`];
  return { seed, kind: 'journal', problems, hash: '', steps: 0, simulatedMs: 0, faults: 0, counts: {}, cpuMs: HUNG_MS, trace: [] };
}
