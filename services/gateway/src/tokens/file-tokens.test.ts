import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newToken } from './authority.ts';
import { FileTokens, TOKENS_FILE, appendToken, readTokens } from './file-tokens.ts';

const PATIENCE_MS = 20_000;

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-tokens-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

const made = (): ReturnType<typeof newToken> => newToken({ name: 'x', actions: ['signals'], addresses: null, expiresAt: null }, Date.now());

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'it never came to that');
    await sleep(20);
  }
}

test('a gateway sees tokens made and revoked while it runs, and the file is its owner\'s alone', async (t) => {
  const folder = folderFor(t);
  const tokens = await FileTokens.follow(folder);
  t.after(async () => await tokens.close());
  const ended: string[] = [];
  tokens.onEnd((id) => ended.push(id));
  const { text, record } = made();
  assert.equal(tokens.grantOf(text), null);
  await appendToken(folder, record);
  assert.equal(statSync(join(folder, TOKENS_FILE)).mode & 0o777, 0o600);
  assert.ok(!readFileSync(join(folder, TOKENS_FILE), 'utf8').includes(text.slice(4)));
  await until(() => tokens.grantOf(text) !== null);
  await appendToken(folder, { ...record, revokedAt: Date.now() });
  await until(() => ended.length > 0);
  assert.deepEqual([ended, tokens.grantOf(text)], [[record.id], null]);
});

test('tokens that are there are known at once', async (t) => {
  const folder = folderFor(t);
  const { text, record } = made();
  await appendToken(folder, record);
  const tokens = await FileTokens.follow(folder);
  assert.equal(tokens.grantOf(text)?.tokenId, record.id);
  await tokens.close();
});

test('a file that is gone takes its tokens with it', async (t) => {
  const folder = folderFor(t);
  const { text, record } = made();
  await appendToken(folder, record);
  const tokens = await FileTokens.follow(folder);
  t.after(async () => await tokens.close());
  rmSync(join(folder, TOKENS_FILE));
  await until(() => tokens.grantOf(text) === null);
});

test('a line that was cut off counts for nothing, and swallows no other', async (t) => {
  const folder = folderFor(t);
  const [whole, torn, next] = [made(), made(), made()];
  await appendToken(folder, whole.record);
  await appendToken(folder, torn.record);
  const path = join(folder, TOKENS_FILE);
  truncateSync(path, statSync(path).size - 10);
  assert.deepEqual([...(await readTokens(folder)).tokens.keys()], [whole.record.id]);
  await appendToken(folder, next.record);
  assert.deepEqual((await readTokens(folder)), { tokens: new Map([[whole.record.id, whole.record], [next.record.id, next.record]]), bad: [2] });
});

test('what is no token is told once, and changes nothing', async (t) => {
  const folder = folderFor(t);
  const { text, record } = made();
  await appendToken(folder, record);
  appendFileSync(join(folder, TOKENS_FILE), 'nonsense\n{}\n');
  const told: string[] = [];
  const tokens = await FileTokens.follow(folder, { onTrouble: (line) => told.push(line) });
  t.after(async () => await tokens.close());
  assert.ok(tokens.grantOf(text) !== null);
  assert.deepEqual(told, ['tokens.ndjson: lines 2, 3 are no tokens, and count for nothing']);
  const other = made();
  await appendToken(folder, other.record);
  await until(() => tokens.grantOf(other.text) !== null);
  assert.equal(told.length, 1);
});
