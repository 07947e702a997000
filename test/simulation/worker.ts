// A thread that runs seeds, one after the other, as it is told. Time, network and patches are in place before the product is loaded.
//
// W1  Nothing imported here statically imports the product.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { relative, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { installTime } from './globals.ts';
import { SUBSTITUTES } from './live/substitutes.ts';
import type { SeedOptions, SeedResult } from './seed.ts';

/** One change of a source as it is loaded; `file` from the repository's root. */
export type Patch = { readonly file: string; readonly was: string; readonly becomes: string };

export type WorkerData = { readonly patches: readonly Patch[] };
export type Task = { readonly seed: number; readonly options: SeedOptions };
export type Answer = { readonly kind: 'ready' } | { readonly kind: 'result'; readonly result: SeedResult };

const ROOT = join(import.meta.dirname, '../..');

function prepare(patches: readonly Patch[]): void {
  const byFile = Map.groupBy(patches, ({ file }) => file);
  registerHooks({
    resolve: (specifier, context, next) => {
      const twin = SUBSTITUTES.get(specifier);
      return twin === undefined ? next(specifier, context) : { url: twin, format: 'module-typescript', shortCircuit: true };
    },
    load: (url, context, next) => {
      const file = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)).replaceAll('\\', '/') : '';
      const changes = byFile.get(file);
      if (changes === undefined) return next(url, context);
      return { ...next(url, context), source: patched(file, readFileSync(join(ROOT, file), 'utf8'), changes) };
    },
  });
  installTime();
}

function patched(file: string, source: string, changes: readonly Patch[]): string {
  return changes.reduce((text, { was, becomes }) => {
    const times = text.split(was).length - 1;
    if (times !== 1) throw new Error(`a patch of ${file} fits ${String(times)} times, expected once: ${was}`);
    return text.replace(was, () => becomes);
  }, source);
}

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this is the code of a worker thread');
  // What the pool hands over.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  prepare((workerData as WorkerData).patches);
  const { installLive } = await import('./live/install.ts');
  installLive();
  const { simulateSeed, uncaught } = await import('./seed.ts');
  process.on('unhandledRejection', uncaught);
  process.on('uncaughtException', uncaught);
  let busy = Promise.resolve();
  port.on('message', ({ seed, options }: Task) => {
    busy = busy.then(async () => port.postMessage({ kind: 'result', result: await simulateSeed(seed, options) } satisfies Answer));
  });
  port.postMessage({ kind: 'ready' } satisfies Answer);
}

await main();
