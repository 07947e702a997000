import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import { assetOf, type Assets } from './assets.ts';
import { loadAssets, readAssets } from './index.ts';

let assets: Assets;
let page: string;

before(async () => {
  assets = await loadAssets();
  page = assets.get('/')?.body.toString('utf8') ?? '';
});

test('the page refers to files that are there, and to nothing else', () => {
  const named = Array.from(page.matchAll(/(?:src|href)="([^"]*)"/g), ([, path = '']) => path);
  assert.equal(named.length, 4);
  assert.deepEqual(named.toSorted(), [...assets.keys()].filter((path) => path !== '/').sort());
});

test('nothing in the page would be stopped by a policy without inline scripts and styles', () => {
  assert.doesNotMatch(page, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:/i);
});

test('no file loads anything from elsewhere', () => {
  for (const [path, { body }] of assets) {
    assert.doesNotMatch(body.toString('utf8'), /@import|url\((?!["']?data:)|(?:src|href)="(?:https?:)?\/\//, path);
    assert.ok(body.length < 400_000, path);
  }
});

test('a file that may be kept for ever has a name that changes with its content, and only such a file', () => {
  for (const [path, { immutable, etag }] of assets) assert.equal(immutable, path.includes(etag.slice(1, -1)), path);
});

test('what was written to a folder is served as what was made in memory', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-assets-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [path, { body }] of assets) writeFileSync(join(folder, path === '/' ? 'index.html' : basename(path)), body);
  const read = await readAssets(folder);
  assert.deepEqual(new Map([...read].sort()), new Map([...assets].sort()));
});

test('a file of a type that the page has no use for is refused', () => {
  assert.throws(() => assetOf('/assets/a.exe', Buffer.from('')), RangeError);
});
