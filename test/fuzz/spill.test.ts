// A spill file that a disk damaged ends its sink by name: nothing is passed over, and nothing is taken that could never leave.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpillError, SpillFile } from '../../services/ingestor/src/live/spill-file.ts';
import { SpillingSink } from '../../services/ingestor/src/live/spilling-sink.ts';

for (const [what, line] of [['no JSON', '\u0000\u0000'], ['no entry', '{"other":1}']] as const) {
  test(`a line of the spill file that is ${what} ends the sink, told by the file's name`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fillstream-spill-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'spill.ndjson');
    writeFileSync(path, `${line}\n`);
    const told: string[] = [];
    const nothing = async (): Promise<void> => await Promise.resolve();
    const sink = new SpillingSink({
      sink: { append: nothing, progress: async () => await Promise.resolve(null), saveProgress: nothing, gap: nothing },
      file: new SpillFile(path), retryMs: 1, onChange: (change, detail) => told.push(`${change} ${detail}`),
    });
    while (!told.some((text) => text.startsWith('failed'))) await sleep(1);
    await assert.rejects(sink.append([]), SpillError);
    await sink.close();
  });
}
