#!/usr/bin/env node
// The installed command. In the project's own tree it goes through the bootstrap, which brings a recent Node along.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LEAST_MAJOR = 24;
const bootstrap = new URL('../../../infra/bootstrap/run.mjs', import.meta.url);

if (existsSync(fileURLToPath(bootstrap))) {
  const { run } = await import(bootstrap.href);
  await run('packages/cli/src/main.ts', process.argv.slice(2));
} else if (Number.parseInt(process.versions.node, 10) < LEAST_MAJOR) {
  process.stderr.write(`fillstream: needs Node ${LEAST_MAJOR} or newer, this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  await import('../dist/main.js');
}
