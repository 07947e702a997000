// The page, for whoever serves it. Run from its sources it's made of them, in memory; as a published package it was built before.

import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HASHED, assetOf, type Asset, type Assets } from './assets.ts';

export type { Asset, Assets } from './assets.ts';

const FOLDER = import.meta.dirname;

/** Everything there is to serve, by path; `/` is the page. Rejects when it can't be read or built. */
export async function loadAssets(): Promise<Assets> {
  if (basename(FOLDER) === 'dist') return await readAssets(join(FOLDER, 'assets'));
  const { bundle } = await import('./bundle.ts');
  return await bundle();
}

/** What `build.ts` has written. */
export async function readAssets(folder: string): Promise<Assets> {
  const names = await readdir(folder);
  return new Map(await Promise.all(names.map(async (name): Promise<[string, Asset]> => {
    const path = name === 'index.html' ? '/' : `${HASHED}${name}`;
    return [path, assetOf(path, await readFile(join(folder, name)))];
  })));
}
