import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TokenBook, newToken } from './authority.ts';

const NOW = 1_760_000_000_000;
const ADDRESS = `0x${'ab'.repeat(20)}`;

function made(more: Partial<Parameters<typeof newToken>[0]> = {}, now = NOW): ReturnType<typeof newToken> {
  return newToken({ name: 'x', actions: ['signals'], addresses: null, expiresAt: null, ...more }, now);
}

/** What a book tells of ends. */
function heard(book: TokenBook): string[] {
  const ended: string[] = [];
  book.onEnd((id) => ended.push(id));
  return ended;
}

test('a token is 256 random bits, and what is kept of it is its SHA-256', () => {
  const [first, second] = [made(), made()];
  assert.match(first.text, /^fst_[A-Za-z0-9_-]{43}$/);
  assert.match(first.record.id, /^tok_[0-9a-f]{12}$/);
  assert.notEqual(first.text, second.text);
  assert.equal(first.record.hash, createHash('sha256').update(first.text).digest('hex'));
  assert.ok(!JSON.stringify(first.record).includes(first.text.slice(4)));
});

test('a token is good for what it was made for, and nothing else is a token', () => {
  const book = new TokenBook(() => NOW);
  const { text, record } = made({ actions: ['signals', 'status'], addresses: [ADDRESS], expiresAt: NOW + 1 });
  book.put(record);
  assert.deepEqual(book.grantOf(text), { tokenId: record.id, name: 'x', actions: ['signals', 'status'], addresses: [ADDRESS], expiresAt: NOW + 1 });
  const others = ['', 'fst_', text.slice(0, -1), `${text}x`, ` ${text}`, text.toUpperCase(), record.hash, record.id, made().text, `fst_${'é'.repeat(43)}`];
  for (const other of others) assert.equal(book.grantOf(other), null, other);
});

test('a token of all addresses says so, and actions of a later version give nothing', () => {
  const book = new TokenBook(() => NOW);
  const { text, record } = made();
  book.put({ ...record, actions: ['admin', 'orders'] });
  assert.deepEqual([book.grantOf(text)?.addresses, book.grantOf(text)?.actions], ['*', ['orders']]);
});

test('a token is good for nothing once it is revoked, deleted or expired, which is told once', () => {
  let now = NOW;
  const book = new TokenBook(() => now);
  const ended = heard(book);
  const [revoked, deleted, expired] = [made(), made(), made({ expiresAt: NOW + 5 })];
  for (const { record } of [revoked, deleted, expired]) book.put(record);
  for (let times = 2; times > 0; times -= 1) {
    book.put({ ...revoked.record, revokedAt: NOW });
    book.delete(deleted.record.id);
  }
  assert.deepEqual(ended, [revoked.record.id, deleted.record.id]);
  assert.ok(book.grantOf(expired.text) !== null);
  now += 5;
  assert.deepEqual([revoked, deleted, expired].map(({ text }) => book.grantOf(text)), [null, null, null]);
});

test('that a token has expired is told when it happens', async () => {
  const book = new TokenBook();
  const ended = heard(book);
  const far = made({ expiresAt: Date.now() + 40 * 86_400_000 }, Date.now()); // Beyond a timer's greatest delay.
  const near = made({ expiresAt: Date.now() + 50 }, Date.now());
  for (const { record } of [far, near]) book.put(record);
  while (ended.length === 0) await sleep(10);
  assert.deepEqual(ended, [near.record.id]);
  assert.deepEqual([book.grantOf(near.text), book.grantOf(far.text)?.tokenId], [null, far.record.id]);
  book.close();
});

test('a token that is no longer good for the same is told of, one that got another name is not', () => {
  const book = new TokenBook(() => NOW);
  const ended = heard(book);
  const { text, record } = made({ addresses: [ADDRESS] });
  book.put(record);
  book.put({ ...record, name: 'y' });
  assert.deepEqual(ended, []);
  book.put({ ...record, addresses: [] });
  book.put({ ...record, actions: [] });
  assert.deepEqual(ended, [record.id, record.id]);
  const other = made();
  book.put({ ...record, hash: other.record.hash });
  assert.deepEqual([book.grantOf(text), book.grantOf(other.text)?.tokenId], [null, record.id]);
});

test('who listens no longer hears nothing', () => {
  const book = new TokenBook(() => NOW);
  const ended: string[] = [];
  const stop = book.onEnd((id) => ended.push(id));
  const { record } = made();
  book.put(record);
  stop();
  book.delete(record.id);
  assert.deepEqual(ended, []);
});
