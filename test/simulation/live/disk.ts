// Disks' twin: the synchronous calls of node:fs that the spill file makes, for files below SIMULATED; all others are Node's own.
//
// D1  A file outlives the process that wrote it. A process that is gone writes nothing more, whatever it still holds open.
// D2  A torn write leaves a part of what was written, and its process is gone before the call returns.

import fs, { type Stats } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { SimProcess } from '../process.ts';
import { isWorldUnderWay, processNow, worldNow } from './world.ts';

export const SIMULATED = '/simulated/';
const FIRST_DESCRIPTOR = 1_000_000;

type Open = { readonly path: string; readonly process: SimProcess };

export class Disk {
  readonly #files = new Map<string, Buffer>();
  readonly #open = new Map<number, Open>();
  readonly #torn = new Set<string>();
  readonly #full = new Set<string>();
  #next = FIRST_DESCRIPTOR;

  /** The next write below a folder is torn, and ends its process with power loss; `onTorn` is called before. */
  tear(folder: string): void {
    this.#torn.add(folder);
  }

  fill(folder: string, isFull: boolean): void {
    if (isFull) this.#full.add(folder);
    else this.#full.delete(folder);
  }

  mend(folder: string): void {
    this.#torn.delete(folder);
    this.#full.delete(folder);
  }

  /** Of all files in a folder. */
  bytesBelow(folder: string): number {
    return [...this.#files].reduce((sum, [path, content]) => sum + (path.startsWith(folder) ? content.length : 0), 0);
  }

  open(path: string): number {
    if (!this.#files.has(path)) this.#files.set(path, Buffer.alloc(0));
    this.#next += 1;
    this.#open.set(this.#next, { path, process: processNow() });
    return this.#next;
  }

  close(descriptor: number): void {
    this.#open.delete(descriptor);
  }

  sizeOf(descriptor: number): number {
    return this.#contentOf(this.#openOf(descriptor).path).length;
  }

  write(descriptor: number, bytes: Buffer, offset: number): number {
    const { path, process } = this.#openOf(descriptor);
    const isUnder = (folder: string): boolean => path.startsWith(folder);
    if ([...this.#full].some(isUnder)) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const torn = [...this.#torn].find(isUnder);
    const written = bytes.subarray(offset, torn === undefined ? undefined : offset + Math.ceil((bytes.length - offset) / 2));
    this.#files.set(path, Buffer.concat([this.#contentOf(path), written]));
    if (torn === undefined) return written.length;
    this.#torn.delete(torn);
    worldNow().network.powerOff(process);
    worldNow().simulation.count('disk: torn write');
    process.crash();
    throw new Error('the process is gone');
  }

  read(descriptor: number, into: Buffer, offset: number, length: number, position: number): number {
    return this.#contentOf(this.#openOf(descriptor).path).copy(into, offset, position, position + length);
  }

  truncate(descriptor: number, length: number): void {
    const { path } = this.#openOf(descriptor);
    this.#files.set(path, this.#contentOf(path).subarray(0, length));
  }

  has(descriptor: number): boolean {
    return descriptor >= FIRST_DESCRIPTOR;
  }

  #contentOf(path: string): Buffer {
    return this.#files.get(path) ?? Buffer.alloc(0);
  }

  /** D1. */
  #openOf(descriptor: number): Open {
    const open = this.#open.get(descriptor);
    if (open === undefined || open.process.life === 'gone') throw new Error('EBADF: bad file descriptor');
    return open;
  }
}

const native = {
  mkdirSync: fs.mkdirSync, openSync: fs.openSync, closeSync: fs.closeSync, fstatSync: fs.fstatSync, ftruncateSync: fs.ftruncateSync,
  readSync: fs.readSync, writeSync: fs.writeSync, fsyncSync: fs.fsyncSync,
};

/** Replaces what the spill file imports, once in a thread, after `installTime`. */
export function installDisk(): void {
  const diskOf = (descriptor: number): Disk | null => (isWorldUnderWay() && worldNow().disk.has(descriptor) ? worldNow().disk : null);
  const replaced = {
    mkdirSync: (path: string, options: object) => (isSimulated(path) ? undefined : native.mkdirSync(path, options)),
    openSync: (path: string, flags: string, mode?: number) => (isSimulated(path) ? worldNow().disk.open(path) : native.openSync(path, flags, mode)),
    closeSync: (descriptor: number) => diskOf(descriptor)?.close(descriptor) ?? closeNative(descriptor),
    fstatSync: (descriptor: number) => statOf(diskOf(descriptor), descriptor),
    ftruncateSync: (descriptor: number, length: number) => {
      const disk = diskOf(descriptor);
      if (disk === null) native.ftruncateSync(descriptor, length);
      else disk.truncate(descriptor, length);
    },
    readSync: (descriptor: number, into: Buffer, offset: number, length: number, position: number) => (
      diskOf(descriptor)?.read(descriptor, into, offset, length, position) ?? native.readSync(descriptor, into, offset, length, position)
    ),
    writeSync: (descriptor: number, bytes: Buffer, offset: number) => diskOf(descriptor)?.write(descriptor, bytes, offset) ?? native.writeSync(descriptor, bytes, offset),
  };
  Object.assign(fs, replaced);
  syncBuiltinESMExports();
}

function isSimulated(path: unknown): boolean {
  return typeof path === 'string' && path.startsWith(SIMULATED);
}

function closeNative(descriptor: number): void {
  if (descriptor < FIRST_DESCRIPTOR) native.closeSync(descriptor);
}

function statOf(disk: Disk | null, descriptor: number): Pick<Stats, 'size'> {
  return disk === null ? native.fstatSync(descriptor) : { size: disk.sizeOf(descriptor) };
}
