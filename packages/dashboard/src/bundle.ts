// Makes the page of the sources in web/, in memory. What comes out needs nothing from elsewhere, and has no inline script or style.

import { readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { build, stop } from 'esbuild';
import { HASHED, assetOf, hashOf, type Asset, type Assets } from './assets.ts';

const WEB = join(import.meta.dirname, '../web');
/** `theme` runs before the page is drawn, so that it's never drawn in the wrong colours. */
const ENTRIES = { app: join(WEB, 'main.tsx'), theme: join(WEB, 'theme-first.ts'), style: join(WEB, 'styles/main.css') };
const TARGETS = ['chrome123', 'edge123', 'firefox128', 'safari18'];

/** Rejects with esbuild's own message where a source is wrong. */
export async function bundle(): Promise<Assets> {
  const { outputFiles } = await build({
    entryPoints: ENTRIES, outdir: WEB, write: false, bundle: true, minify: true, format: 'esm', target: TARGETS, legalComments: 'none',
    jsx: 'automatic', jsxImportSource: 'preact', tsconfig: join(WEB, 'tsconfig.json'), define: { 'process.env.NODE_ENV': '"production"' },
  });
  await stop(); // Its process would keep ours alive.
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), body: Buffer.from(contents) }));
  files.push({ name: 'icon.svg', body: await readFile(join(WEB, 'icon.svg')) });
  const named = new Map(files.map(({ name, body }) => [name, `${HASHED}${hashedName(name, body)}`]));
  const page = await readFile(join(WEB, 'index.html'), 'utf8');
  const assets = new Map<string, Asset>([['/', assetOf('/', Buffer.from(filledIn(page, named)))]]);
  for (const { name, body } of files) {
    const path = named.get(name) ?? name;
    assets.set(path, assetOf(path, body));
  }
  return assets;
}

function hashedName(name: string, body: Buffer): string {
  const ending = extname(name);
  return `${basename(name, ending)}-${hashOf(body)}${ending}`;
}

/** `{{app.js}}` is where the file of that name is served. */
function filledIn(page: string, named: ReadonlyMap<string, string>): string {
  return page.replaceAll(/\{\{([\w.]+)\}\}/g, (_, name: string) => {
    const path = named.get(name);
    if (path === undefined) throw new Error(`index.html names ${name}, which isn't built`);
    return path;
  });
}
