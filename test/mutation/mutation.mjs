// `npm run mutation`: Stryker on the core. Each mutant is a copy of the core with one change, and a test of the core must fail for it.
// Fails when a smaller share of them is found than stryker.json says. What survives is told; all of it in .fillstream/mutation.html.

import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { ensureInstalled } from '../../infra/bootstrap/install.mjs';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');

await ensureInstalled(HERE);
const stryker = spawn(process.execPath, [join(HERE, 'node_modules/@stryker-mutator/core/bin/stryker.js'), 'run', join(HERE, 'stryker.json'), ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
  env: {
    ...process.env,
    // Its runner starts whatever `node` the path has first: it should be this one.
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
    NODE_COMPILE_CACHE: join(HERE, 'node_modules/.cache'),
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stryker.kill(signal));
stryker.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
