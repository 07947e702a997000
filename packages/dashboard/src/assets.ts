// What the page is made of, as the gateway serves it: by path, with what a browser has to know of each.

import { createHash } from 'node:crypto';
import { extname } from 'node:path';

export type Asset = {
  /** The content type. */
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
  /** Its name changes with its content: it may be kept for ever. */
  readonly immutable: boolean;
};

/** By path: `/` is the page itself. */
export type Assets = ReadonlyMap<string, Asset>;

/** Below it are the files whose names hold a hash of their content. */
export const HASHED = '/assets/';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
};

/** Throws RangeError for a file of a type that the page has no use for. */
export function assetOf(path: string, body: Buffer): Asset {
  const type = TYPES[path === '/' ? '.html' : extname(path)];
  if (type === undefined) throw new RangeError(`expected ${Object.keys(TYPES).join(', ')}; got ${path}`);
  return { type, body, etag: `"${hashOf(body)}"`, immutable: path.startsWith(HASHED) };
}

/** Text of 16 characters that changes with the content. */
export function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 16).replaceAll('_', 'a').replaceAll('-', 'b');
}
