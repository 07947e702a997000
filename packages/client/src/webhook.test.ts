// Which webhooks are taken for genuine.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { testSignal } from './test-signals.ts';
import { WebhookError, verifyWebhook, type WebhookErrorCode, type WebhookRequest } from './webhook.ts';

const SECRET = 'whsec_größer';
const NOW = 1_760_000_000_000;
const SIGNAL = testSignal(1, { symbol: 'GÖLD' });
const BODY = JSON.stringify(SIGNAL);

function signature(body: string, { secret = SECRET, at = NOW }: { readonly secret?: string; readonly at?: number } = {}): string {
  return `v1=${createHmac('sha256', secret).update(`${String(at)}.${body}`).digest('hex')}`;
}

function request(part: Partial<WebhookRequest> = {}, headers: Record<string, string> = {}): WebhookRequest {
  return { secret: SECRET, body: BODY, now: NOW, headers: { 'fillstream-timestamp': String(NOW), 'fillstream-signature': signature(BODY), ...headers }, ...part };
}

async function assertRefused(refused: WebhookRequest, code: WebhookErrorCode): Promise<void> {
  await assert.rejects(verifyWebhook(refused), (error) => error instanceof WebhookError && error.code === code);
}

test('what was signed with the secret is the signal, as text and as bytes, with headers of either kind', async () => {
  assert.deepEqual(await verifyWebhook(request()), SIGNAL);
  assert.deepEqual(await verifyWebhook(request({ body: new TextEncoder().encode(BODY) })), SIGNAL);
  const headers = new Headers({ 'Fillstream-Timestamp': String(NOW), 'Fillstream-Signature': signature(BODY) });
  assert.deepEqual(await verifyWebhook(request({ headers })), SIGNAL);
});

test('while a secret is changed over, one good signature of several will do', async () => {
  const both = `${signature(BODY, { secret: 'the other' })}, ${signature(BODY)}, v2=abc`;
  assert.deepEqual(await verifyWebhook(request({}, { 'fillstream-signature': both })), SIGNAL);
});

test('another secret, another body, another time and no signature are refused', async () => {
  await assertRefused(request({ secret: 'another' }), 'bad-signature');
  await assertRefused(request({ body: BODY.replace('0.5', '5') }), 'bad-signature');
  await assertRefused(request({}, { 'fillstream-timestamp': String(NOW + 1) }), 'bad-signature');
  for (const bad of ['v1=', 'v1=zz', 'v1=abc', signature(BODY).slice(0, -2), signature(BODY).slice(3), `v2=${signature(BODY).slice(3)}`]) {
    await assertRefused(request({}, { 'fillstream-signature': bad }), 'bad-signature');
  }
  await assertRefused(request({}, { 'fillstream-signature': '' }), 'missing-header');
  await assertRefused(request({ headers: { 'fillstream-signature': signature(BODY) } }), 'missing-header');
  await assertRefused(request({}, { 'fillstream-timestamp': '1e12' }), 'bad-timestamp');
});

test('what is older than the tolerance, or from further ahead, is refused although it is genuine', async () => {
  assert.deepEqual(await verifyWebhook(request({ now: NOW + 300_000 })), SIGNAL);
  await assertRefused(request({ now: NOW + 300_001 }), 'too-old');
  await assertRefused(request({ now: NOW - 300_001 }), 'too-old');
  await assertRefused(request({ now: NOW + 2, toleranceMs: 1 }), 'too-old');
});

test('a signed body that is no JSON is refused', async () => {
  await assertRefused(request({ body: 'no' }, { 'fillstream-signature': signature('no') }), 'bad-body');
});
