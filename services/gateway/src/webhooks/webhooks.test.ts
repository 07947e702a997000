import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeWebhook } from '@fillstream/schemas';
import { testSignal } from '../feed/test-source.ts';
import { checkUrl, newWebhook, saidIn } from './webhooks.ts';

test('a webhook has a public id and a secret of 256 random bits', () => {
  const [first, second] = ['BTC', 'ETH'].map((coin) => newWebhook({ url: 'https://x/', filter: { coins: [coin] }, label: null, from: [1, 2] }, 7));
  assert.ok(first !== undefined && second !== undefined);
  assert.match(first.id, /^wh_[0-9a-f]{12}$/);
  assert.match(first.secret, /^whsec_[A-Za-z0-9_-]{43}$/);
  assert.notEqual(first.secret, second.secret);
  assert.deepEqual([first.filter, first.createdAt, first.from], ['{"coins":["BTC"]}', 7, [1, 2]]);
});

test('a URL is of http or https, has no login, and loses its fragment', () => {
  assert.equal(checkUrl('HTTPS://Example.org/a?b=c#d'), 'https://example.org/a?b=c');
  for (const text of ['', 'example.org', 'ftp://example.org', 'file:///etc', 'javascript:1', `https://example.org/${'x'.repeat(2_000)}`]) {
    assert.throws(() => checkUrl(text), /expected an http or https URL of at most 2000 characters/);
  }
  for (const text of ['https://me@example.org', 'https://me:canary@example.org', 'https://:canary@example.org']) {
    assert.throws(() => checkUrl(text), (error) => error instanceof Error && /without a login/.test(error.message) && !error.message.includes('canary'));
  }
});

test('what the topic says is a webhook, its end, or something that can\'t be read, which is told without its secret', () => {
  const webhook = newWebhook({ url: 'https://x/', filter: { coins: ['BTC'] }, label: null, from: [] }, 7);
  const said = saidIn({ kind: 'value', key: webhook.id, body: encodeWebhook(webhook) });
  assert.ok(said.kind === 'known');
  assert.deepEqual(said.known.webhook, webhook);
  assert.deepEqual(['BTC', 'ETH'].map((coin) => said.known.matches(testSignal({ coin, symbol: coin }))), [true, false]);
  assert.deepEqual(saidIn({ kind: 'deleted', key: 'wh_1' }), { kind: 'gone' });
  const bad = saidIn({ kind: 'value', key: webhook.id, body: encodeWebhook({ ...webhook, filter: '{"venues":[]}' }) });
  assert.ok(bad.kind === 'unreadable' && !bad.why.includes(webhook.secret));
  assert.equal(saidIn({ kind: 'value', key: 'wh_1', body: Buffer.from('x') }).kind, 'unreadable');
});
