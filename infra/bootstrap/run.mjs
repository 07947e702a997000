// `node run.mjs SCRIPT [ARGUMENT …]`: installs the workspace if needed, then runs a script of it on a recent Node.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';
import { findNode } from './node.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];

/** Runs a script of the workspace with this process's streams; ends as the script ends. */
export async function run(script, args) {
  const node = await prepare();
  const child = spawn(node, [...NODE_FLAGS, resolve(ROOT, script), ...args], {
    stdio: 'inherit', env: { NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compile'), ...process.env },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => forward(child, signal));
  child.on('error', fail);
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** A terminal's Ctrl-C reaches the child by itself. */
function forward(child, signal) {
  if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
}

async function prepare() {
  try {
    await ensureInstalled(ROOT);
    return findNode(ROOT);
  } catch (error) {
    return fail(error);
  }
}

function fail(error) {
  process.stderr.write(`fillstream: ${error.message}\n`);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [script, ...args] = process.argv.slice(2);
  await run(script, args);
}
