// The tokens of an embedded gateway: `tokens.ndjson` in its data folder, which `fillstream token` appends to while it runs.
//
// F1  A line is a token as it is from then on; the last line of an id counts. Nothing is ever taken out.
// F2  A line counts when its newline is there, and is durable when whoever wrote it was told so.
// F3  A file that can't be read, and a line that is none, change nothing, and are told once.

import { constants } from 'node:fs';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Token } from '@fillstream/schemas';
import { z } from 'zod';
import { TokenBook, type Authority, type Grant } from './authority.ts';

export const TOKENS_FILE = 'tokens.ndjson';
const LOOK_MS = 1_000;
const OWNER_ONLY = 0o600;
const NEWLINE = 0x0a;

const time = z.number().int().nonnegative();
const line = z.object({
  id: z.string().min(1), name: z.string(), hash: z.string().regex(/^[0-9a-f]{64}$/), actions: z.array(z.string()),
  addresses: z.array(z.string()).nullable(), createdAt: time, expiresAt: time.nullable(), revokedAt: time.nullable(),
});

/** Durable when it resolves. Rejects with the system's error. */
export async function appendToken(folder: string, token: Token): Promise<void> {
  const file = await open(join(folder, TOKENS_FILE), constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, OWNER_ONLY);
  try {
    const text = `${JSON.stringify(token)}\n`;
    await file.appendFile(await endsTorn(file) ? `\n${text}` : text);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
}

/** A line that a crash cut off mustn't swallow the next one. */
async function endsTorn(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== NEWLINE;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The last word on each id, and the numbers of lines that are none. A file that isn't there has none. Rejects with the system's error. */
export async function readTokens(folder: string): Promise<{ readonly tokens: ReadonlyMap<string, Token>; readonly bad: readonly number[] }> {
  const text = await readFile(join(folder, TOKENS_FILE), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const tokens = new Map<string, Token>();
  const bad: number[] = [];
  for (const [place, each] of text.split('\n').slice(0, -1).entries()) { // F2
    const token = tokenOf(each);
    if (token !== null) tokens.set(token.id, token);
    else if (each !== '') bad.push(place + 1);
  }
  return { tokens, bad };
}

function tokenOf(text: string): Token | null {
  try {
    return line.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

export class FileTokens implements Authority {
  readonly book = new TokenBook();
  readonly #folder: string;
  readonly #onTrouble: (text: string) => void;
  /** What the file was when it was last read, as text. */
  #seen = '';
  #told = '';
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Resolves when all that are there are known. */
  static async follow(folder: string, { onTrouble }: { readonly onTrouble?: (text: string) => void } = {}): Promise<FileTokens> {
    const tokens = new FileTokens(folder, onTrouble ?? (() => undefined));
    await tokens.#look();
    return tokens;
  }

  private constructor(folder: string, onTrouble: (text: string) => void) {
    this.#folder = folder;
    this.#onTrouble = onTrouble;
  }

  grantOf(token: string): Grant | null {
    return this.book.grantOf(token);
  }

  onEnd(listener: (tokenId: string) => void): () => void {
    return this.book.onEnd(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.book.close();
    await Promise.resolve();
  }

  async #look(): Promise<void> {
    try {
      const seen = await this.#stamp();
      if (seen !== this.#seen) await this.#read();
      this.#seen = seen;
    } catch (error) {
      this.#tell(`${TOKENS_FILE} can't be read: ${error instanceof Error ? error.message : String(error)}`); // F3
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Changes whenever the file does. */
  async #stamp(): Promise<string> {
    try {
      const { ino, size, mtimeNs } = await stat(join(this.#folder, TOKENS_FILE), { bigint: true });
      return [ino, size, mtimeNs].join('/');
    } catch (error) {
      if (isMissing(error)) return 'missing';
      throw error;
    }
  }

  async #read(): Promise<void> {
    const { tokens, bad } = await readTokens(this.#folder);
    if (this.#isClosed) return;
    for (const token of tokens.values()) this.book.put(token);
    for (const { id } of this.book.all) if (!tokens.has(id)) this.book.delete(id);
    if (bad.length > 0) this.#tell(`${TOKENS_FILE}: lines ${bad.join(', ')} are no tokens, and count for nothing`);
  }

  #tell(text: string): void {
    if (text === this.#told) return;
    this.#told = text;
    this.#onTrouble(text);
  }
}
