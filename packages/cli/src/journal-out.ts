// A journal that is written in one go, packed as its name says.
//
// W1  It stands under its name once it is whole, not before: until then it is FILE.part, which goes away when something fails.

import { createWriteStream } from 'node:fs';
import { access, constants, lstat, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { JournalError } from '@fillstream/hyperliquid';
import { STANDARD_OUTPUT, openLineFile, unwritable } from './run/line-file.ts';

/** Before long work: throws PortError where no journal could be written. */
export async function checkWritable(path: string): Promise<void> {
  if (path === STANDARD_OUTPUT) return;
  await access(dirname(path), constants.W_OK).catch((error: unknown) => {
    throw unwritable(path, error);
  });
}

/** Resolves when it is on disk. Throws PortError when it can't be written, and what `lines` throws, but for system errors. */
export async function writeJournal(path: string, lines: AsyncIterable<string>, stop: AbortSignal): Promise<void> {
  if (path === STANDARD_OUTPUT) {
    const output = openLineFile(path, 0);
    for await (const text of lines) await output.write(text);
    return;
  }
  const isReplaced = await isFileOrNothing(path);
  const part = isReplaced ? `${path}.part` : path;
  try {
    await pipeline([Readable.from(lines), ...packersOf(path), createWriteStream(part, { flush: isReplaced })]);
    if (isReplaced) await rename(part, path);
  } catch (error) {
    if (isReplaced) await rm(part, { force: true });
    throw error instanceof JournalError || error === stop.reason ? error : unwritable(path, error);
  }
}

/** A device, a pipe or a link is written to as it is. */
async function isFileOrNothing(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return true; // Whatever else is wrong with it, writing will tell.
  }
}

function packersOf(path: string): Duplex[] {
  if (path.endsWith('.gz')) return [createGzip()];
  return path.endsWith('.zst') ? [createZstdCompress()] : [];
}
