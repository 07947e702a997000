// Two versions on the same servers: what a next minor release may do works beside this one, what it must not do is refused.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Installation, serversOfTests } from '../end-to-end/cluster.ts';
import { assertRefused, fillstream } from '../end-to-end/command.ts';
import { SEED, repeatable } from '../end-to-end/journals.ts';
import { until } from '../end-to-end/until.ts';
import { neighbour } from './neighbour.ts';
import { THIS_VERSION, changedVersion, startVersion, type Change, type Version } from './other-version.ts';
import { upgradeAndBack } from './rolling.ts';
import { rosterOf, type RosterMember } from './rosters.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-versions-'));
const held = serversOfTests();
const PATIENCE = { patienceMs: 90_000 };

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function flagsOf(namespace: string): string[] {
  return ['--kafka', held().kafka.bootstrap, '--registry', held().registry.url, '--namespace', namespace];
}

const next = neighbour(join(folder, 'next'));

test('processors replaced one by one by those of the next version, and back, emit what a plain fold gives', async () => {
  await repeatable(async () => {
    const { signals, replaced, underLoad, bySchema } = await upgradeAndBack({
      servers: held(), namespace: 'rolling', folder: mkdtempSync(join(folder, 'rolling-')),
      seed: SEED, records: 8_000, members: 2, from: THIS_VERSION, to: next,
    });
    assert.ok(signals > 500 && replaced === 4 && underLoad > 0, JSON.stringify({ signals, replaced, underLoad }));
    assert.equal(bySchema.size, 2, 'both versions have to have emitted some');
  });
});

test('ingestors of two versions share a watchlist, whichever of them leads', async (t) => {
  const installation = new Installation(held(), 'roster');
  await installation.createTopics(2);
  const addresses = ['a', 'b', 'c', 'd'].map((digit) => `0x${digit.repeat(40)}`);
  const { code, stderr } = await fillstream(['watch', 'add', ...addresses, ...flagsOf('roster')]);
  assert.equal(code, 0, stderr);
  for (const versions of [[THIS_VERSION, next], [next, THIS_VERSION]]) {
    const roster = rosterOf(t, installation.kafka, 2);
    const members: RosterMember[] = [];
    for (const version of versions) {
      members.push(roster.join(version, 3)); // The first one leads.
      await until('all have some', () => members.every(({ addresses: shared }) => shared.length > 0), PATIENCE);
    }
    const areShared = (): boolean => members.flatMap(({ addresses: shared }) => shared).sort().join() === addresses.join();
    await until('all are shared', () => areShared() && members.flatMap(({ ticks }) => ticks).sort().join() === '0,1', PATIENCE); // One hears of it before the other.
    await roster.leave();
  }
});

test('a version that shares by another rule alone is refused, and disturbs nobody', async () => {
  const installation = new Installation(held(), 'stranger');
  await installation.createTopics(1);
  const stranger = changedVersion('a stranger', join(folder, 'stranger'), [
    { file: 'packages/kafka/src/assigner.ts', from: "const NAME = 'fillstream-copartition'", to: "const NAME = 'fillstream-other'" },
  ]);
  const running = installation.processor('--session-timeout', '20000'); // It stays a member, however busy the machine is.
  await running.heard(/has partitions 0/);
  const redis = ['--redis', `127.0.0.1:${String(held().redis.port)}`];
  const refused = await startVersion(stranger, ['processor', ...flagsOf('stranger'), ...redis]).ended;
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /a version runs that can't share with this one; stop it first/);
  running.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
});

// ---- Schemas

const SIGNALS = 'schemas/signals.avsc';
const LAST = '"doc": "Of any of the leg\'s fills." }\n';
/** What must not be done to a schema, and what is said of it. */
const REFUSED: Readonly<Record<string, readonly [Change, RegExp]>> = {
  'a field without a default is added': [
    { file: SIGNALS, from: LAST, to: LAST.replace('\n', ',\n{ "name": "venue", "type": "string" }\n') }, /the new field venue of Signal has no default\n$/,
  ],
  'a field without a default is removed': [
    { file: SIGNALS, from: '    { "name": "notional", "type": "string", "doc": "Sum of px × size, exact." },\n', to: '' }, /the field notional of Signal, which has no default, would be gone\n$/,
  ],
  'a type is changed': [
    { file: SIGNALS, from: '{ "name": "size", "type": "string",', to: '{ "name": "size", "type": "double",' }, /the field size of Signal was string and would be double\n$/,
  ],
};

test('schemas: what one of the two versions couldn\'t read is refused by name, and nothing is registered', async () => {
  const installation = new Installation(held(), 'schemas');
  await installation.createTopics(1);
  const versionsOf = async (): Promise<unknown> => await (await fetch(`${held().registry.url}/subjects/schemas.signals-value/versions`)).json();
  const before = await versionsOf();
  for (const [number, [what, [change, message]]] of Object.entries(REFUSED).entries()) {
    const refused = await created(changedVersion(what, join(folder, `refused-${String(number)}`), [change]));
    assertRefused(refused, 1, message);
    assert.match(refused.stderr, /schemas\.signals-value/);
  }
  assert.deepEqual(await versionsOf(), before);
  const { code, stderr } = await created(next);
  assert.equal(code, 0, stderr);
  assert.equal((await created(THIS_VERSION)).code, 0, 'an earlier version finds its schema');
  assert.deepEqual(await versionsOf(), [1, 2]);
});

async function created(version: Version): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return await startVersion(version, ['topics', 'create', ...flagsOf('schemas'), '--partitions', '1', '--no-timestamp-limit']).ended;
}
