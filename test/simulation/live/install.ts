// What of the network and the disk is a global or Node's own, replaced in a thread of the simulation.

import { BrowserSocket } from './browser-socket.ts';
import { installDisk } from './disk.ts';
import { simFetch } from './fetch.ts';

let isInstalled = false;

/** Once in a thread, after `installTime`; then a run's world is entered with `enterWorld`. */
export function installLive(): void {
  if (isInstalled) return;
  isInstalled = true;
  installDisk();
  Object.assign(globalThis, { fetch: simFetch, WebSocket: BrowserSocket });
}
