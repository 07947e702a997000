// `fillstream doctor` on set-ups that are really broken, each on real servers: it names what is wrong, and what mends it. And
// `fillstream status` on some that aren't.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_TOPICS, connectionOf, createTopics, topicSettings, withAdmin, type TopicsOptions } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { encodeRecord, type Topic } from '@fillstream/schemas';
import { writeJournal } from '@fillstream/simulator';
import { freePorts, startRedis, type Redis } from '@fillstream/stack';
import kafkajs from 'kafkajs';
import { Installation, serversOfTests } from './cluster.ts';
import { assertNoStack, fillstream, linesOf, mountFor, start, type Ended } from './command.ts';
import { Ingestors } from './ingestor.ts';

const PARTITIONS = 2;
const HOUR_MS = 3_600_000;
const SETTINGS: TopicsOptions = { ...DEFAULT_TOPICS, partitions: PARTITIONS };

/** The client's own noise, which the command would not make by itself. */

const folder = mkdtempSync(join(tmpdir(), 'fillstream-doctor-'));
const redisServers: Redis[] = [];
const held = serversOfTests();
let namespaces = 0;

after(async () => {
  await Promise.all(redisServers.map(async (redis) => await redis.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** A Redis as it should be, but for these arguments. */
async function newRedis(...args: readonly string[]): Promise<Redis> {
  const redis = await startRedis({ folder: mkdtempSync(join(folder, 'redis-')), args: ['--appendonly', 'yes', ...args] });
  redisServers.push(redis);
  return redis;
}

async function commanded<T>({ port }: Redis, work: (client: RedisConnection['client']) => Promise<T>): Promise<T> {
  const connection = await RedisConnection.open({ nodes: [`127.0.0.1:${String(port)}`] });
  try {
    return await work(connection.client);
  } finally {
    connection.close();
  }
}

type Site = { readonly installation: Installation; readonly redis: Redis; readonly flags: Readonly<Record<string, string>> };

/** Topics in a namespace of its own, and a Redis of its own. */
async function newSite(options: Partial<TopicsOptions> = {}, ...redisArguments: readonly string[]): Promise<Site> {
  namespaces += 1;
  const namespace = `d${String(namespaces)}`;
  const redis = await newRedis(...redisArguments);
  const installation = new Installation({ ...held(), redis }, namespace);
  await createTopics(installation.kafka, installation.registry, { ...SETTINGS, ...options });
  const flags = { kafka: held().kafka.bootstrap, registry: held().registry.url, redis: `127.0.0.1:${String(redis.port)}`, namespace, data: folder };
  return { installation, redis, flags };
}

type Finding = { readonly check: string; readonly verdict: string; readonly found: string; readonly expected: string; readonly mend: string | null };
type Diagnosis = { readonly ended: Ended; readonly findings: readonly Finding[]; readonly wrong: readonly Finding[] };

/** All that isn't ok, but that no processor runs. */
async function diagnosed({ flags }: Pick<Site, 'flags'>, more: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Diagnosis> {
  const ended = await fillstream(['doctor', '--json', ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]), ...more], { env });
  assertNoStack(ended.stderr);
  const findings = ended.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Finding);
  const wrong = findings.filter(({ verdict, check, found }) => verdict !== 'ok' && !(check.startsWith('group ') && found.startsWith('no processor runs')));
  assert.equal(ended.code, findings.some(({ verdict }) => verdict === 'broken') ? 1 : 0, ended.stdout + ended.stderr);
  return { ended, findings, wrong };
}

/** By `verdict check`, in order; patterns for what was found, and what mends it. */
type Expected = readonly (readonly [check: string, found: RegExp, mend: RegExp])[];

async function expectWrong(site: Pick<Site, 'flags'>, expected: Expected, ...more: readonly string[]): Promise<void> {
  const { wrong } = await diagnosed(site, more);
  assert.deepEqual(wrong.map(({ verdict, check }) => `${verdict} ${check}`), expected.map(([check]) => check), JSON.stringify(wrong, null, 1));
  for (const [place, [, found, mend]] of expected.entries()) {
    assert.match(wrong[place]?.found ?? '', found);
    assert.match(wrong[place]?.mend ?? '', mend);
  }
}

async function alter({ installation }: Site, topic: Topic, change: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries({ ...topicSettings(topic, SETTINGS), ...change }).map(([name, value]) => ({ name, value }));
  await withAdmin(connectionOf(installation.kafka), async (admin) => await admin.alterConfigs({
    validateOnly: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: installation.nameOf(topic), configEntries: entries }],
  }));
}

async function asked(url: string, method: string, body?: unknown): Promise<void> {
  const answer = await fetch(url, { method, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  assert.ok(answer.ok, `${method} ${url}: ${String(answer.status)} ${await answer.text()}`);
}

describe('a set-up', { concurrency: 2 }, () => {
  test('that is as it should be is all ok; what it then loses is named', async () => {
    const site = await newSite({ limitTimestamps: true });
    const { installation } = site;
    const journal = join(folder, 'journal.ndjson');
    writeJournal(journal, { seed: 7, addresses: 10, startAt: 1_760_000_000_000, records: 2_000 });
    await installation.import([journal], { finish: false });
    const running = installation.processor();
    await installation.drained(running);
    const { wrong, findings, ended } = await diagnosed(site);
    assert.deepEqual([wrong, ended.code, ended.stderr], [[], 0, ''], ended.stdout);
    assert.ok(findings.length > 20, String(findings.length));
    running.kill('SIGTERM');
    await running.ended;

    await expectWrong(site, [['broken state: settings', /graceMs=5000, here 9000/, /processor --namespace d\d+ --set graceMs=5000/]], '--set', 'graceMs=9s');

    await commanded(site.redis, async (client) => await client.hset(`${installation.namespace}:facts`, 'partitions', '5'));
    const { wrong: counted } = await diagnosed(site);
    assert.equal(counted[0]?.check, 'state: partitions');
    assert.match(`${counted[0]?.found} ${counted[0]?.mend}`, /made with 5 .*OTHER/);
    await commanded(site.redis, async (client) => await client.hset(`${installation.namespace}:facts`, 'partitions', String(PARTITIONS)));

    await commanded(site.redis, async (client) => await client.del(`${installation.namespace}:{0}:meta`));
    await expectWrong(site, [['warning state 0', /it is gone; it is rebuilt from the log/, /fillstream processor --namespace/]]);

    await installation.import([journal], { finish: false });
    await withAdmin(connectionOf(installation.kafka), async (admin) => {
      await admin.fetchTopicOffsets(installation.nameOf('fills')); // The client deletes only of a topic that it has heard of.
      await admin.deleteTopicRecords({ topic: installation.nameOf('fills'), partitions: [{ partition: 0, offset: '-1' }] });
    });
    await expectWrong(site, [
      ['broken committed offsets', /^fills\/0: \d+ records were deleted unread/, /retention\.ms=-1.*OTHER/],
      ['broken state 0', /it is gone, and the log no longer begins/, /bring back Redis' data/],
    ]);
  });

  test('with topics that forget is named, topic by topic', async () => {
    const { flags } = await newSite({ retentionMs: 24 * HOUR_MS });
    const kept = ['fills', 'order-updates', 'signals', 'quarantine', 'commits', 'repairs', 'gaps', 'webhook-dead-letters'];
    await expectWrong({ flags }, kept.map((topic) => [`broken topic ${String(flags['namespace'])}.${topic}`, /retention\.ms=86400000/, /kafka-configs\.sh .*--add-config retention\.ms=-1/] as const));
    await expectWrong({ flags }, [], '--retention', String(24 * HOUR_MS));
  });

  test('whose unread input is deleted soon is named', async () => {
    const site = await newSite({ retentionMs: 24 * HOUR_MS });
    const writer = await site.installation.writer();
    const record = encodeRecord({ kind: 'fill', address: `0x${'a1'.repeat(20)}` });
    await writer.append([{ ...record, timestamp: Date.now() - 20 * HOUR_MS }, { ...record, timestamp: Date.now() }]);
    await writer.close();
    await expectWrong(site, [['broken retention of fills', /deleted soon: 1 in partition [01]$/, /retention\.ms=-1; then fillstream processor/]], '--retention', String(24 * HOUR_MS));
  });

  test('with a compacted topic, one that must not be, is named', async () => {
    const site = await newSite();
    await alter(site, 'commits', { 'cleanup.policy': 'compact' });
    await expectWrong(site, [[`broken topic ${site.installation.nameOf('commits')}`, /cleanup\.policy=compact/, /--add-config cleanup\.policy=delete/]]);
  });

  test('with a topic that nothing can be written to, or long records can\'t, is named', async () => {
    const site = await newSite();
    await alter(site, 'signals', { 'min.insync.replicas': '2' });
    await alter(site, 'quarantine', { 'max.message.bytes': '1000000' });
    await alter(site, 'fills', { 'message.timestamp.after.max.ms': '9223372036854775807' });
    const name = (topic: Topic): string => site.installation.nameOf(topic);
    await expectWrong(site, [
      [`warning topic ${name('fills')}`, /moves time ahead for good/, /message\.timestamp\.after\.max\.ms=60000/],
      [`broken topic ${name('signals')}`, /min\.insync\.replicas=2 with replication 1: nothing can be written/, /min\.insync\.replicas=1/],
      [`broken topic ${name('quarantine')}`, /long records are refused/, /max\.message\.bytes=2097176/],
    ]);
  });

  test('with inputs that take any time is as it should be when that was meant', async () => {
    const site = await newSite({ limitTimestamps: false });
    await expectWrong(site, [], '--no-timestamp-limit');
  });

  test('with a topic missing, or partitions added to one, is named', async () => {
    const site = await newSite();
    await withAdmin(connectionOf(site.installation.kafka), async (admin) => {
      await admin.deleteTopics({ topics: [site.installation.nameOf('gaps')] });
      await admin.createPartitions({ topicPartitions: [{ topic: site.installation.nameOf('signals'), count: 3 }] });
    });
    await expectWrong(site, [
      [`broken topic ${site.installation.nameOf('gaps')}`, /no such topic/, /^fillstream topics create --namespace d\d+$/],
      ['broken partition counts', /signals 3/, /topics create --namespace OTHER/],
    ]);
  });

  test('without a schema, with another program\'s, or with one that may change anyhow, is named', async () => {
    const site = await newSite();
    const { url } = held().registry;
    const subject = (topic: Topic): string => `${site.installation.nameOf(topic)}-value`;
    for (const topic of ['gaps', 'repairs'] as const) await asked(`${url}/subjects/${subject(topic)}`, 'DELETE');
    await asked(`${url}/subjects/${subject('repairs')}/versions`, 'POST', { schema: JSON.stringify({ type: 'record', name: 'Theirs', fields: [] }) });
    await asked(`${url}/config/${subject('signals')}`, 'PUT', { compatibility: 'NONE' });
    await expectWrong(site, [
      [`warning schema ${subject('signals')}`, /compatibility NONE/, /curl -X PUT .*BACKWARD.*\/config\//],
      [`broken schema ${subject('repairs')}`, /other schemas \(1\), not ours/, /choose another --namespace/],
      [`broken schema ${subject('gaps')}`, /no such subject/, /^fillstream topics create/],
    ]);
  });

  test('with a Redis that evicts, keeps nothing on disk, and is nearly full, is named', async () => {
    const site = await newSite({}, '--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru', '--enable-debug-command', 'local');
    await commanded(site.redis, async (client) => {
      await client.call('DEBUG', ['POPULATE', '4000', 'ballast', '10000']);
      const used = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
      await client.config('SET', 'maxmemory', String(Math.round(1.06 * used)));
    });
    const server = `redis 127.0.0.1:${String(site.redis.port)}`;
    await expectWrong(site, [
      [`broken ${server} maxmemory-policy`, /allkeys-lru/, /redis-cli -h 127\.0\.0\.1 -p \d+ CONFIG SET maxmemory-policy noeviction/],
      [`warning ${server} memory`, / \(9\d %\)$/, /CONFIG SET maxmemory/],
      [`warning ${server} persistence`, /^none/, /CONFIG SET appendonly yes/],
    ]);
  });

  test('with a Redis that is a replica is named', async () => {
    const [site, master] = await Promise.all([newSite(), newRedis()]);
    await commanded(site.redis, async (client) => await client.replicaof('127.0.0.1', master.port));
    await expectWrong(site, [[`broken redis 127.0.0.1:${String(site.redis.port)} role`, /a replica/, /REPLICAOF NO ONE/]]);
  });

  test('whose Redis login lacks a right is named, with the rights', async () => {
    const site = await newSite();
    const password = join(folder, 'keeper.password');
    writeFileSync(password, 'right');
    await commanded(site.redis, async (client) => await client.call('ACL', ['SETUSER', 'keeper', 'on', '>right', `~${site.installation.namespace}:*`, '+@all', '-hscan', '-unlink']));
    await expectWrong(site, [
      ['broken redis rights', /^refused: hscan, unlink \(NOPERM/, /ACL SETUSER keeper '~d\d+:\*' \+hscan \+unlink$/],
    ], '--redis-username', 'keeper', '--redis-password-file', password);
  });

  test('whose Redis refuses the password is named, and the password isn\'t', async () => {
    const site = await newSite({}, '--requirepass', 'right');
    const { ended, wrong } = await diagnosed(site, [], { FILLSTREAM_REDIS_PASSWORD: 'hunter2' });
    assert.deepEqual(wrong.map(({ verdict, check }) => `${verdict} ${check}`), ['broken redis']);
    assert.match(`${String(wrong[0]?.found)} ${String(wrong[0]?.mend)}`, /WRONGPASS.*--redis and its login/);
    assert.doesNotMatch(ended.stdout + ended.stderr, /hunter2/);
  });

  test('whose servers can\'t be reached is named, all of them', async () => {
    const ports = await freePorts(3);
    const [kafka, registry, redis] = ports.map((port) => `127.0.0.1:${String(port)}`);
    const flags = { kafka: String(kafka), registry: `http://${String(registry)}`, redis: String(redis), data: folder };
    await expectWrong({ flags }, [
      ['broken kafka', /ECONNREFUSED/, /look whether brokers run/], ['broken schema registry', /ECONNREFUSED/, /--registry/], ['broken redis', /ECONNREFUSED/, /--redis/],
    ]);
  });

  test('whose disk is full is named', async (t) => {
    const { folder: small } = mountFor(t, 'size=256k');
    const site = await newSite();
    await expectWrong(site, [['broken spill disk', / free at /, /df -h .*--spill/]], '--spill', join(small, 'spill.ndjson'));
  });
});

test('a person is shown a table, and bad usage is exit 2', async () => {
  const site = await newSite();
  const flags = Object.entries(site.flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const { code, stdout } = await fillstream(['doctor', ...flags]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ok {7}kafka +answers, 1 broker,/m);
  assert.match(stdout, /^WARNING {2}group d\d+\.processor .*\n {9}expected: Stable, with a member\n {9}mend: {5}fillstream processor --namespace d\d+$/m);
  assert.match(stdout, /\d+ checks: \d+ ok, 1 warning, 0 broken\n$/);
  assert.equal((await fillstream(['doctor', '--retention', 'soon'])).code, 2);
});

// ---- Status

type Status = {
  readonly processors: { readonly state: string; readonly members: readonly { readonly member: string; readonly partitions: readonly number[] }[] };
  readonly partitions: readonly {
    readonly partition: number; readonly member: string | null; readonly unread: number; readonly newestAt: number | null; readonly lagMs: number | null;
    readonly streamTime: number | null; readonly behindMs: number | null; readonly orders: number | null; readonly nextDeadline: number | null;
    readonly uncheckpointed: number | null; readonly stage: string | null;
  }[];
  readonly ingestors: { readonly members: readonly { readonly capacity: number; readonly addresses: readonly string[]; readonly ticks: readonly number[] }[] };
  readonly watched: number | null;
  readonly withoutRoom: readonly string[] | null;
  readonly quarantined: { readonly records: number; readonly isExact: boolean };
  readonly gaps: number;
  readonly unknown: readonly string[];
};

const POLL_MS = 300;

async function statusOf(flags: Site['flags'], ...more: readonly string[]): Promise<Status> {
  const { data: _, ...reached } = flags;
  const ended = await fillstream(['status', '--json', ...Object.entries(reached).flatMap(([flag, value]) => [`--${flag}`, value]), ...more]);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  return JSON.parse(ended.stdout) as Status;
}

/** A journal of its own, and when its last record was received. */
function newJournal(name: string): { readonly path: string; readonly lastAt: number } {
  const path = join(folder, name);
  writeJournal(path, { seed: 11, addresses: 10, startAt: 1_760_000_000_000, records: 1_000 });
  return { path, lastAt: Math.max(...linesOf(path).map((line) => (JSON.parse(line) as { receivedAt: number }).receivedAt)) };
}

describe('status', { concurrency: 2 }, () => {
  test('tells who has which partitions, how far they have come, and what it can\'t know', async () => {
    const { installation, flags } = await newSite();
    const { path, lastAt } = newJournal('status.ndjson');
    await installation.import([path], { finish: false });

    const before = await statusOf(flags, '--no-state');
    assert.deepEqual(before.processors, { group: installation.nameOf('processor'), state: 'Dead', members: [] });
    assert.equal(before.partitions.length, PARTITIONS);
    for (const { member, unread, newestAt, lagMs, streamTime, orders, stage } of before.partitions) {
      assert.ok(unread > 0);
      assert.deepEqual({ member, newestAt, lagMs, streamTime, orders, stage }, { member: null, newestAt: lastAt, lagMs: null, streamTime: null, orders: null, stage: null });
    }
    assert.deepEqual(before.unknown, ['orders and deadlines: Redis wasn\'t asked', 'rebuild progress: no --http was given']);

    const running = installation.processor('--http', '127.0.0.1:0');
    await installation.drained(running);
    const url = await running.heard(/serves (\S+)\/metrics/);
    let now = await statusOf(flags, '--http', url);
    while (now.partitions.some(({ uncheckpointed }) => uncheckpointed !== 0)) now = await statusOf(flags, '--http', url); // Some seconds behind.
    const [member] = now.processors.members;
    assert.deepEqual([now.processors.state, member?.partitions, now.unknown], ['Stable', [0, 1], []]);
    for (const each of now.partitions) {
      const { unread, newestAt, lagMs, streamTime, stage } = each;
      assert.deepEqual({ unread, newestAt, lagMs, streamTime, stage, member: each.member }, { unread: 0, newestAt: lastAt, lagMs: 0, streamTime: lastAt, stage: 'working', member: member?.member });
      assert.ok((each.orders ?? 0) > 0 && (each.nextDeadline ?? 0) > lastAt && (each.behindMs ?? 0) > 0, JSON.stringify(each));
    }
    assert.deepEqual([now.quarantined, now.gaps, now.watched, now.withoutRoom], [{ records: (await installation.quarantine()).length, isExact: true }, 0, 0, []]);

    running.kill('SIGTERM');
    await running.ended;
    await installation.import([path], { finish: false });
    const after = await statusOf(flags, '--http', url);
    assert.equal(after.processors.state, 'Empty');
    assert.match(after.unknown.join('\n'), /^rebuild progress: http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED \S+$/);
    for (const { unread, lagMs, streamTime } of after.partitions) assert.deepEqual([unread > 0, lagMs, streamTime], [true, 0, lastAt]);
  });

  test('tells of addresses that no ingestor has room for', async (t) => {
    const place = await Ingestors.start(t, held(), 'status', 3);
    const ingestor = place.ingestor('--capacity', '2');
    await place.untilWatched(2, ingestor);
    const left = await ingestor.heard(/NOT WATCHED.*: (0x[0-9a-f]{40});/);
    const { watched, withoutRoom, ingestors } = await statusOf({ kafka: held().kafka.bootstrap, registry: held().registry.url, namespace: 'status' }, '--no-state');
    assert.deepEqual([watched, withoutRoom], [3, [left]]);
    const [member, ...others] = ingestors.members;
    assert.deepEqual([member?.capacity, member?.addresses.length, member?.ticks, others], [2, 2, [0, 1, 2], []]);
  });

  test('shows it to a person again and again, until it is stopped', async () => {
    const { flags, installation } = await newSite();
    const { data: _, ...reached } = flags;
    const out = join(folder, 'watched.txt');
    const descriptor = openSync(out, 'w');
    const args = Object.entries(reached).flatMap(([flag, value]) => [`--${flag}`, value]);
    const running = start(['status', '--watch', '--every', '100ms', ...args], { stdout: descriptor });
    const shown = (): number => readFileSync(out, 'utf8').split('gaps ').length - 1;
    while (shown() < 2) await Promise.race([sleep(POLL_MS), running.ended.then(({ stderr }) => assert.fail(stderr))]);
    running.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    closeSync(descriptor);
    assert.deepEqual([code, stderr], [0, '']);
    const text = readFileSync(out, 'utf8');
    assert.match(text, new RegExp(`^processors  ${installation.nameOf('processor')}: Dead, 0 members$`, 'm'));
    assert.match(text, /^partition {2}member {2}unread {2}lag +stream time +behind +orders +next deadline +stage$/m);
    assert.match(text, /^unknown {5}orders and deadlines: Redis has no state of this namespace$/m);
  });
});
