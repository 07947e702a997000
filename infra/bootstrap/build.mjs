// `npm run build`: turbo builds the published packages, in the order of their dependencies. It asks for pnpm on the path.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { packageManager } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

await ensureInstalled(ROOT);
const { status } = spawnSync('npx', ['--yes', packageManager, 'exec', 'turbo', 'run', 'build', ...process.argv.slice(2)], {
  cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32', env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
});
process.exitCode = status ?? 1;
