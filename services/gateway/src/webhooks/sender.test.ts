import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Sender, type Target } from './sender.ts';
import { Receiver } from './test-receiver.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/webhooks.md');
const SECRET = 'whsec_canary';
const POST = { id: '0xab/1/buy', revision: 3, body: '{"coin":"é"}' };
const never = new AbortController().signal;

function targetOf(url: string): Target {
  return { id: 'wh_1', url, secret: SECRET };
}

async function answered(url: string, options = { timeoutMs: 30_000, allowPrivate: true }, cut = never): ReturnType<Sender['send']> {
  const sender = new Sender(options);
  try {
    return await sender.send(targetOf(url), POST, cut);
  } finally {
    sender.close();
  }
}

test('a post has the body as it is, what it is by, and a signature of time and body', async (t) => {
  const receiver = await Receiver.start(t);
  const before = Date.now();
  assert.equal((await answered(receiver.url)).kind, 'taken');
  const [{ timestamp, signature, at: _, ...rest }] = receiver.received as [Receiver['received'][0]];
  assert.deepEqual(rest, { id: POST.id, revision: 3, webhook: 'wh_1', method: 'POST', contentType: 'application/json', body: POST.body });
  assert.ok(Number(timestamp) >= before && Number(timestamp) <= Date.now());
  assert.equal(signature, `v1=${createHmac('sha256', SECRET).update(`${timestamp}.${POST.body}`).digest('hex')}`);
});

test('any 2xx is taken, and nothing else is', async (t) => {
  const receiver = await Receiver.start(t);
  const kinds = [];
  for (const status of [200, 201, 202, 204, 299, 304, 400, 401, 404, 410, 500]) {
    receiver.answer(() => status);
    kinds.push((await answered(receiver.url)).kind);
  }
  assert.deepEqual(kinds, [...Array.from({ length: 5 }, () => 'taken'), ...Array.from({ length: 6 }, () => 'status')]);
});

test('a redirect isn\'t followed', async (t) => {
  const elsewhere = await Receiver.start(t);
  for (const status of [301, 302, 303, 307, 308]) {
    const receiver = await Receiver.start(t, () => ({ status, headers: { location: elsewhere.url } }));
    const answer = await answered(receiver.url);
    assert.deepEqual([answer.kind, 'reason' in answer && answer.reason], ['status', `status ${String(status)}: redirects aren't followed`]);
  }
  assert.deepEqual(elsewhere.received, []);
});

test('Retry-After counts with 429 and 503 alone', async (t) => {
  const receiver = await Receiver.start(t);
  for (const [status, expected] of [[429, 7_000], [503, 7_000], [500, null]] as const) {
    receiver.answer(() => ({ status, headers: { 'retry-after': '7' } }));
    const answer = await answered(receiver.url);
    assert.equal(answer.kind === 'status' && answer.retryAfterMs, expected);
  }
});

test('who doesn\'t answer in time, or isn\'t there, has failed by a code alone', async (t) => {
  const receiver = await Receiver.start(t, () => 'silent');
  const late = await answered(receiver.url, { timeoutMs: 200, allowPrivate: true });
  assert.deepEqual([late.kind, 'reason' in late && late.reason], ['timeout', 'no answer within 0.2 s']);
  const { url } = receiver;
  await receiver.close();
  const gone = await answered(url);
  assert.deepEqual([gone.kind, 'reason' in gone && gone.reason], ['unreachable', 'ECONNREFUSED']);
});

test('what is cut off is told so', async (t) => {
  const cut = new AbortController();
  const receiver = await Receiver.start(t, () => {
    cut.abort();
    return 'silent';
  });
  assert.equal((await answered(receiver.url, { timeoutMs: 30_000, allowPrivate: true }, cut.signal)).kind, 'cut');
});

test('nothing is sent to an address that isn\'t public, by whatever name or form', async (t) => {
  const receiver = await Receiver.start(t);
  const { port } = new URL(receiver.url);
  const hosts = ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '[::]'];
  for (const host of hosts) {
    const answer = await answered(`http://${host}:${port}/`, { timeoutMs: 30_000, allowPrivate: false });
    assert.equal(answer.kind, 'refused', host);
  }
  assert.deepEqual(receiver.received, []);
  assert.equal((await answered('file:///etc/passwd')).kind, 'refused');
});

/** The first block of a language on the receivers' page. */
function codeIn(language: string): string {
  return new RegExp(`\\n\`\`\`${language}\\n([^]*?)\`\`\``).exec(readFileSync(PAGE, 'utf8'))?.[1] ?? assert.fail(`docs/webhooks.md has no ${language}`);
}

test('what docs/webhooks.md has receivers do takes what was sent, and nothing that was changed or kept', async (t) => {
  const receiver = await Receiver.start(t);
  await answered(receiver.url);
  const [{ timestamp, signature, body }] = receiver.received as [Receiver['received'][0]];
  const old = String(Number(timestamp) - 600_000);
  const signed = (at: string): string => `v1=${createHmac('sha256', SECRET).update(`${at}.${body}`).digest('hex')}`;
  const cases: readonly (readonly [secret: string, timestamp: string, signature: string, body: string])[] = [
    [SECRET, timestamp, signature, body], ['whsec_other', timestamp, signature, body], [SECRET, timestamp, signature, `${body} `],
    [SECRET, String(Number(timestamp) + 1), signature, body], [SECRET, old, signed(old), body], [SECRET, timestamp, 'v1=00', body],
  ];
  const expected = [true, false, false, false, false, false];
  const { isGenuine } = await import(`data:text/javascript,${encodeURIComponent(codeIn('js'))}`);
  assert.deepEqual(cases.map(([secret, at, given, text]) => isGenuine(secret, { 'fillstream-timestamp': at, 'fillstream-signature': given }, Buffer.from(text))), expected);
  const python = `${codeIn('python')}
import json, sys
print(json.dumps([is_genuine(s, {'Fillstream-Timestamp': t, 'Fillstream-Signature': g}, b.encode()) for s, t, g, b in json.load(sys.stdin)]))`;
  const { stdout, stderr } = spawnSync('python3', ['-c', python], { input: JSON.stringify(cases), encoding: 'utf8' });
  assert.deepEqual(JSON.parse(stdout || JSON.stringify(stderr)), expected);
});
