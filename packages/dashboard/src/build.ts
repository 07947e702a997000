// `npm run build`: writes the page to dist/assets, for the published package.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bundle } from './bundle.ts';

const FOLDER = join(import.meta.dirname, '../dist/assets');

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
for (const [path, { body }] of await bundle()) await writeFile(join(FOLDER, path === '/' ? 'index.html' : basename(path)), body);
