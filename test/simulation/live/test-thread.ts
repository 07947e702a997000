// For tests: a thread in which simulated time, network and disks stand in for Node's, and the laws of a module are tried in it.

import { registerHooks } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { installTime } from '../globals.ts';
import { SUBSTITUTES } from './substitutes.ts';

/** What a module exports as LAWS: by name, what throws when it doesn't hold. */
export type Laws = Readonly<Record<string, () => Promise<void>>>;

/** By name of the law, why it doesn't hold; null when it does. */
export async function tryLaws(module: URL): Promise<ReadonlyMap<string, string | null>> {
  const worker = new Worker(new URL(import.meta.url), { workerData: module.href });
  const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, string | null>>();
  worker.once('message', resolve);
  worker.once('error', reject);
  try {
    return await promise;
  } finally {
    await worker.terminate();
  }
}

async function work(module: string): Promise<ReadonlyMap<string, string | null>> {
  registerHooks({
    resolve: (specifier, context, next) => {
      const twin = SUBSTITUTES.get(specifier);
      return twin === undefined ? next(specifier, context) : { url: twin, format: 'module-typescript', shortCircuit: true };
    },
  });
  installTime();
  const { installLive } = await import('./install.ts');
  installLive();
  const { LAWS }: { LAWS: Laws } = await import(module);
  const outcomes = new Map<string, string | null>();
  for (const [name, law] of Object.entries(LAWS)) {
    outcomes.set(name, await law().then(() => null, (error: unknown) => (error instanceof Error ? error.stack ?? error.message : String(error))));
  }
  return outcomes;
}

if (!isMainThread && parentPort !== null && typeof workerData === 'string') parentPort.postMessage(await work(workerData));
