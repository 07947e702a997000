// Files that a crash, a full disk or a hand may leave in any shape: tokens, what waits for Kafka, a recording, the embedded pair.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { JournalError } from '@fillstream/hyperliquid';
import { PortError } from '@fillstream/runtime';
import { readTokens, TOKENS_FILE } from '@fillstream/gateway/tokens/file-tokens';
import { JournalFile } from '../../../packages/cli/src/record/journal-file.ts';
import { SpillError, SpillFile } from '../../../services/ingestor/src/live/spill-file.ts';
import { damaged, twistedJson } from '../damage.ts';
import { START, record } from '../records.ts';
import { bytesTarget, fieldsOf, jsonOf, onlyLater } from '../target.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-fuzz-'));

async function close(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await Promise.resolve();
}

function linesOf(values: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> {
  const lines = fc.array(fc.oneof({ weight: 3, arbitrary: values.map((value) => JSON.stringify(value)) }, { weight: 1, arbitrary: twistedJson(values) }), { maxLength: 5 });
  return damaged(lines.map((texts) => Buffer.from(texts.map((text) => `${text}\n`).join(''))));
}

const token = fc.record({
  id: fc.constantFrom('tok_1', 'tok_2'), name: fc.constant('bot'), hash: fc.constant('ab'.repeat(32)), actions: fc.constant(['signals']), addresses: fc.constant(null),
  createdAt: fc.constant(START), expiresAt: fc.constantFrom(null, START), revokedAt: fc.constantFrom(null, START),
});

const tokens = bytesTarget({
  name: 'tokens-file', law: 'every whole line of the tokens is a token, empty, or told by its number', share: 500,
  cases: linesOf(token), close,
  check: async (bytes) => {
    writeFileSync(join(folder, TOKENS_FILE), bytes);
    const { tokens: found, bad } = await readTokens(folder);
    const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1);
    const ids = lines.filter((line, place) => line !== '' && !bad.includes(place + 1)).map((line) => String(fieldsOf(jsonOf(line))['id']));
    assert.deepEqual([...found.keys()].sort(), [...new Set(ids)].sort());
    for (const { hash, createdAt } of found.values()) assert.ok(/^[0-9a-f]{64}$/.test(hash) && Number.isInteger(createdAt));
  },
});

const spilled = bytesTarget({
  name: 'spill-file', law: 'what waits for Kafka leaves in order and whole, but a last line that was torn, or the file is refused by name', share: 500,
  cases: linesOf(record), close,
  check: (bytes) => {
    const path = join(folder, 'spill.ndjson');
    writeFileSync(path, bytes);
    const file = new SpillFile(path);
    const entries: unknown[] = [];
    try {
      for (let rounds = 0; file.bytes > 0; rounds += 1) {
        assert.ok(rounds < 100, 'it never ends');
        const { entries: some, leave } = file.first();
        entries.push(...some);
        leave();
      }
      const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1);
      assert.deepEqual(entries.map((entry) => JSON.stringify(entry)), lines.map((line) => JSON.stringify(jsonOf(line))));
    } catch (error) {
      if (!(error instanceof SpillError)) throw error;
      assert.match(error.message, /spill\.ndjson/);
    } finally {
      file.close();
    }
  },
});

const recording = bytesTarget({
  name: 'recording', law: 'a recording is gone on with, its torn end cut off and nothing else, or refused and left alone', share: 300,
  cases: linesOf(record), close,
  check: async (bytes) => {
    const path = join(folder, 'recording.ndjson');
    writeFileSync(path, bytes);
    const file = await onlyLater([JournalError, PortError], async () => await JournalFile.open(path));
    const kept = readFileSync(path);
    if (file === undefined) {
      assert.deepEqual(kept, Buffer.from(bytes));
      return;
    }
    await file.tick(START);
    await file.close();
    const text = readFileSync(path).toString('utf8');
    const whole = Buffer.from(bytes).toString('utf8').split('\n').filter((line) => jsonOf(line) !== undefined);
    assert.deepEqual(text.trimEnd().split('\n').slice(0, -1), whole);
  },
});

export const FILE_TARGETS = [tokens, spilled, recording];
