// What is found of facts that a test can't have real servers say: clocks that differ, old Nodes, three brokers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topicSettings, type ClusterFacts, type TopicFacts } from '@fillstream/kafka';
import type { ServerFacts } from '@fillstream/redis';
import { summaryOf, tableOf } from './finding.ts';
import { clockFinding, nodeFinding } from './machine.ts';
import { serverFindings } from './redis-checks.ts';
import { topicFindings } from './topic-checks.ts';
import { bytes, duration } from './units.ts';

const OPTIONS = { retentionMs: -1, limitTimestamps: true };

function topicWith(replicas: readonly number[], inSync: readonly number[], settings: Readonly<Record<string, string>>): ClusterFacts {
  const topic: TopicFacts = {
    topic: 'signals', name: 'a.signals', partitions: [{ partition: 0, leader: inSync[0] ?? -1, replicas, inSync }],
    settings: { kind: 'told', value: { ...topicSettings('signals', { ...OPTIONS, replication: replicas.length }), ...settings } },
  };
  const brokers = [1, 2, 3].map((id) => ({ id, address: `host${String(id)}:9092` }));
  return { clusterId: 'x', brokers, topics: [topic], group: { kind: 'refused', why: 'x' }, progress: { kind: 'refused', why: 'x' } };
}

function verdictsOf(facts: ClusterFacts): readonly string[] {
  return topicFindings(facts, { namespace: 'a', bootstrap: 'host1:9092', settingsOf: (topic, replication) => topicSettings(topic, { ...OPTIONS, replication }) })
    .filter(({ verdict }) => verdict !== 'ok').map(({ verdict, found }) => `${verdict} ${found}`);
}

test('a clock is apart when it is so whatever the answer took', () => {
  const asked = { askedAt: 1_000_000, answeredAt: 1_000_400 };
  const verdict = (aheadMs: number, resolutionMs = 0): string => clockFinding('clock', { ...asked, at: 1_000_200 + aheadMs }, resolutionMs).verdict;
  assert.deepEqual([0, 1_200, -1_200].map((ahead) => verdict(ahead)), ['ok', 'ok', 'ok']);
  assert.deepEqual([1_300, -1_300, 30_100].map((ahead) => verdict(ahead)), ['warning', 'warning', 'warning']);
  assert.deepEqual([30_300, -30_300].map((ahead) => verdict(ahead)), ['broken', 'broken']);
  assert.equal(verdict(-999, 1_000), 'ok');
  assert.match(clockFinding('clock', { ...asked, at: 1_000_200 - 60_000 }, 0).found, /^60\.0 s behind/);
});

test('a Node before 24 is too old', () => {
  assert.deepEqual(['26.10.0', '24.0.0', '22.9.1'].map((version) => nodeFinding(version).verdict), ['ok', 'ok', 'broken']);
});

test('three replicas of which one may acknowledge are broken, replicas that are behind a warning', () => {
  assert.deepEqual(verdictsOf(topicWith([1, 2, 3], [1, 2, 3], {})), []);
  assert.deepEqual(verdictsOf(topicWith([1, 2, 3], [1, 2, 3], { 'min.insync.replicas': '1' })), [
    'broken min.insync.replicas=1 with replication 3: the loss of one broker may lose records',
  ]);
  assert.deepEqual(verdictsOf(topicWith([1, 2, 3], [1, 3], {})), ['warning partitions 0 have replicas that are behind']);
  assert.deepEqual(verdictsOf(topicWith([1, 2, 3], [], {})), ['broken partitions 0 have no leader']);
  assert.deepEqual(verdictsOf(topicWith([1], [1], {})), ['warning replication 1 on 3 brokers: the loss of one may lose records']);
});

test('an old Redis, one that evicted, and one that can\'t write to its disk are told', () => {
  const server: ServerFacts = {
    address: 'host:6379', version: '7.4.0', role: 'master', memory: { used: 10, limit: 0 }, policy: 'noeviction', evictedKeys: 0,
    isAppendOnly: true, savePoints: '', isWriteBroken: false, time: null,
  };
  const verdicts = (change: Partial<ServerFacts>): readonly string[] => serverFindings({ ...server, ...change }).filter(({ verdict }) => verdict !== 'ok').map(({ verdict, check }) => `${verdict} ${check}`);
  assert.deepEqual(verdicts({}), []);
  assert.deepEqual(verdicts({ version: '6.2.1' }), ['warning redis host:6379']);
  assert.deepEqual(verdicts({ evictedKeys: 3 }), ['warning redis host:6379 maxmemory-policy']);
  assert.deepEqual(verdicts({ isWriteBroken: true }), ['broken redis host:6379 persistence']);
  assert.deepEqual(verdicts({ memory: { used: 100, limit: 100 } }), ['broken redis host:6379 memory']);
});

test('a person is told of each check in a line, and what mends it under what isn\'t ok', () => {
  const findings = [nodeFinding('26.0.0'), nodeFinding('20.0.0')];
  assert.deepEqual(tableOf(findings).split('\n'), [
    'ok       Node  26.0.0', 'BROKEN   Node  20.0.0', '         expected: 24 or newer',
    '         mend:     npm install (it brings a Node along that is new enough)', '',
  ]);
  assert.equal(summaryOf(findings), '2 checks: 1 ok, 0 warnings, 1 broken');
});

test('sizes and times have units', () => {
  assert.deepEqual([0, 1_023, 1_536, 5 * 2 ** 30].map(bytes), ['0 B', '1023 B', '1.5 KiB', '5.0 GiB']);
  assert.deepEqual([12, 1_500, 120_000, 7_200_000, 200_000_000].map(duration), ['12 ms', '1.5 s', '2 min', '2 h', '2 d']);
});
