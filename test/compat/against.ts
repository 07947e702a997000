// `npm run compat -- --against REF`: a rolling upgrade from a commit, a branch or a tag of this repository to the sources at hand,
// and back, under load on real servers of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServers } from '../end-to-end/cluster.ts';
import { SEED } from '../end-to-end/journals.ts';
import { THIS_VERSION, versionAt } from './other-version.ts';
import { upgradeAndBack } from './rolling.ts';

const { values } = parseArgs({ options: {
  against: { type: 'string', default: 'HEAD' },
  rounds: { type: 'string', default: '1' },
  records: { type: 'string', default: '40000' },
  members: { type: 'string', default: '3' },
} });

const folder = mkdtempSync(join(tmpdir(), 'fillstream-compat-'));
const servers = await startServers();
try {
  const from = versionAt(values.against, join(folder, 'other'));
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const seed = SEED + round;
    const { signals, replaced, underLoad } = await upgradeAndBack({
      servers, namespace: `round-${String(round)}`, folder: mkdtempSync(join(folder, 'round-')), seed,
      records: Number(values.records), members: Number(values.members), from, to: THIS_VERSION,
      onStep: (what) => console.log(`  ${what}`),
    });
    const done = `${String(replaced)} processors replaced, ${String(underLoad)} of them under load`;
    console.log(`round ${String(round)}, seed ${String(seed)}: ${done}; ${String(signals)} signals, as a plain fold has them`);
  }
} finally {
  await servers.close();
  rmSync(folder, { recursive: true, force: true });
}
