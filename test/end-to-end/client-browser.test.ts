// The client in a real Chromium: bundled, on a page of the gateway's own, under its policy.

import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import type { subscribe as Subscribe, verifyWebhook as VerifyWebhook, GatewayClient as Client } from '@fillstream/client';
import type { Asset } from '@fillstream/gateway';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { FileTokens, appendToken } from '@fillstream/gateway/tokens/file-tokens';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { ROOT, folderFor } from './command.ts';
import { gatewayFor, sortedNames } from './client-gateway.ts';
import { chromiumOr } from './dashboard-browser.ts';

type Module = { readonly subscribe: typeof Subscribe; readonly verifyWebhook: typeof VerifyWebhook; readonly GatewayClient: typeof Client };

const PAGE = '<!doctype html><meta charset="utf-8"><title>A page</title>';

/** As somebody's own bundler would make it. */
async function bundle(): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(ROOT, 'packages/client/src/index.ts')], bundle: true, format: 'esm', platform: 'browser', target: 'es2022', write: false, metafile: true,
    minify: true,
  });
  assert.deepEqual(Object.keys(metafile.inputs).filter((file) => !file.includes('packages/client/src/')), []);
  return outputFiles[0]?.text ?? '';
}

function asset(type: string, text: string): Asset {
  return { type, body: Buffer.from(text), etag: `"${createHash('sha256').update(text).digest('hex')}"`, immutable: false };
}

/** Takes so many signals in the page; what its subscription and its REST client had. */
async function takeInPage(page: Page, options: { readonly origin: string; readonly token: string; readonly count: number; readonly cursor: string | null }): Promise<{ names: string[]; cursor: string | null }> {
  return await page.evaluate(async ({ origin, token, count, cursor }) => {
    const client = await import(`${origin}/client.js`) as Module;
    const from = cursor === null ? 'earliest' as const : { cursor };
    const subscription = client.subscribe({ url: origin, token, from, maxBuffered: 50, reconnect: { minMs: 10, maxMs: 100 } });
    const names: string[] = [];
    for await (const { id, revision } of subscription) {
      names.push(`${id} ${String(revision)}`);
      Reflect.set(globalThis, 'taken', names.length);
      if (names.length === count) break;
    }
    return { names, cursor: subscription.cursor };
  }, options);
}

test('the client bundled for a browser subscribes with a token, resumes, asks REST and checks webhooks, under the gateway\'s policy', async (t) => {
  const browser = await chromiumOr();
  if (typeof browser === 'string') {
    t.skip(`THE CLIENT WAS NOT TRIED IN A BROWSER: ${browser}`);
    return;
  }
  t.after(async () => await browser.close());
  const folder = folderFor(t);
  const token = `fst_${randomBytes(32).toString('base64url')}`;
  await appendToken(folder, {
    id: 'page', name: 'page', hash: createHash('sha256').update(token).digest('hex'), actions: ['signals'], addresses: null,
    createdAt: 1_700_000_000_000, expiresAt: null, revokedAt: null,
  });
  const authority = await FileTokens.follow(folder, { onTrouble: (text) => assert.fail(text) });
  t.after(async () => await authority.close());
  const assets = new Map([['/', asset('text/html; charset=utf-8', PAGE)], ['/client.js', asset('text/javascript', await bundle())]]);
  const first = await gatewayFor(t, { authority, assets });
  const all = Array.from({ length: 400 }, (_, number) => testSignal({ address: testAddress(number % 7) }));
  first.source.append(all.slice(0, 200));
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(first.url);

  const begun = await takeInPage(page, { origin: first.url, token, count: 50, cursor: null });
  const going = takeInPage(page, { origin: first.url, token, count: 350, cursor: begun.cursor });
  await page.waitForFunction(() => Reflect.get(globalThis, 'taken') === 150);
  await first.gateway.stop();
  first.source.append(all.slice(200));
  const second = await gatewayFor(t, { authority, assets, source: first.source, listen: { host: '127.0.0.1', port: Number(new URL(first.url).port) } });
  const { names } = await going;
  assert.deepEqual([...begun.names, ...names].sort(), sortedNames(all));

  const { signals } = await page.evaluate(async ({ origin, secret }) => {
    const client = await import(`${origin}/client.js`) as Module;
    return await new client.GatewayClient({ url: origin, token: secret }).signals({ limit: 5 });
  }, { origin: first.url, secret: token });
  assert.equal(signals.length, 5);
  const refused = await page.evaluate(async (origin) => {
    const client = await import(`${origin}/client.js`) as Module;
    try {
      for await (const _ of client.subscribe({ url: origin }));
      return null;
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : null;
    }
  }, first.url);
  assert.equal(refused, 'unauthorized');

  const [body, at] = [JSON.stringify(all[0]), Date.now()];
  const signature = `v1=${createHmac('sha256', 'secret').update(`${String(at)}.${body}`).digest('hex')}`;
  const id = await page.evaluate(async ({ origin, ...request }) => {
    const client = await import(`${origin}/client.js`) as Module;
    return (await client.verifyWebhook(request)).id;
  }, { origin: first.url, secret: 'secret', body, headers: { 'fillstream-timestamp': String(at), 'fillstream-signature': signature } });
  assert.equal(id, all[0]?.id);
  assert.deepEqual([faults, second.url], [[], first.url]);
});
