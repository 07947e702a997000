// The roster on a real broker: three ingestors share a watchlist over changes, deaths and too many addresses.

import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_TOPICS, KafkaInputWriter, createTopics, type KafkaOptions } from '@fillstream/kafka';
import { encodeWatched } from '@fillstream/schemas';
import { fetchArtifacts, startKafka, startRegistry, type Kafka, type Registry } from '@fillstream/stack';
import type { Assignment } from './roster.ts';

const PARTITIONS = 5;
const PATIENCE_MS = 60_000;
let servers: { readonly kafka: Kafka; readonly registry: Registry; readonly folder: string } | null = null;

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-roster-'));
  const artifacts = await fetchArtifacts();
  const [kafka, registry] = await Promise.all([
    startKafka({ folder, artifacts, brokers: 1, properties: { 'group.min.session.timeout.ms': '1000' }, shortLived: true }),
    startRegistry({ folder, artifacts, shortLived: true }),
  ]);
  servers = { kafka, registry, folder };
});

after(async () => {
  await Promise.all([servers?.kafka.stop(), servers?.registry.stop()]);
  if (servers !== null) rmSync(servers.folder, { recursive: true, force: true });
});

function addressOf(number: number): string {
  return `0x${String(number).padStart(40, '0')}`;
}

/** A roster in a process of its own. */
class Member {
  readonly #child: ChildProcess;
  assignment: Assignment | null = null;
  noRoom: readonly string[] = [];
  isLeader = false;
  /** Each assignment, in order. */
  readonly history: Assignment[] = [];

  constructor(kafka: KafkaOptions, capacity: number) {
    this.#child = fork(join(import.meta.dirname, 'test-roster-member.ts'), [JSON.stringify({ kafka, capacity, partitions: PARTITIONS })]);
    this.#child.on('message', (message: { readonly assignment?: Assignment; readonly noRoom?: readonly string[]; readonly isLeader?: boolean }) => {
      if (message.assignment !== undefined) {
        this.assignment = message.assignment;
        this.history.push(message.assignment);
      }
      if (message.noRoom !== undefined) this.noRoom = message.noRoom;
      if (message.isLeader !== undefined) this.isLeader = message.isLeader;
    });
  }

  get addresses(): readonly string[] {
    return this.assignment?.addresses ?? [];
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}

type Place = { readonly start: (capacity: number) => Member; readonly add: (...numbers: number[]) => Promise<void>; readonly remove: (number: number) => Promise<void> };

async function placeOf(t: { after: (task: () => Promise<void>) => void }, namespace: string): Promise<Place> {
  assert.ok(servers !== null);
  const [kafka, registry] = [{ brokers: servers.kafka.bootstrap.split(','), namespace }, { url: servers.registry.url }];
  await createTopics(kafka, registry, { ...DEFAULT_TOPICS, partitions: PARTITIONS });
  const writer = await KafkaInputWriter.connect(kafka, registry);
  const members: Member[] = [];
  t.after(async () => {
    await Promise.all(members.map(async (member) => await member.end('SIGKILL')));
    await writer.close();
  });
  return {
    start: (capacity) => {
      const member = new Member(kafka, capacity);
      members.push(member);
      return member;
    },
    add: async (...numbers) => {
      for (const address of numbers.map(addressOf)) {
        await writer.note({ topic: 'watchlist', key: address, timestamp: Date.now(), body: encodeWatched({ address, addedAt: Date.now(), label: null }) });
      }
    },
    remove: async (number) => {
      await writer.note({ topic: 'watchlist', key: addressOf(number), timestamp: Date.now(), body: null });
    },
  };
}

async function until(what: string, isTrue: () => boolean, members: readonly Member[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > deadline) assert.fail(`still waiting until ${what}: ${JSON.stringify(members.map(({ assignment, noRoom, isLeader }) => ({ assignment, noRoom, isLeader })))}`);
    await sleep(20);
  }
}

/** These addresses, each once, and all partitions' ticks, each once. */
function isShared(members: readonly Member[], numbers: readonly number[]): boolean {
  const addresses = members.flatMap((member) => member.addresses).sort();
  const ticks = members.flatMap(({ assignment }) => assignment?.ticks ?? []).sort();
  return addresses.join() === numbers.map(addressOf).sort().join() && ticks.join() === Array.from({ length: PARTITIONS }, (_, number) => number).join();
}

test('three share a watchlist; what is added, removed, or was a dead one\'s is shared anew, and nothing else moves', async (t) => {
  const place = await placeOf(t, 'three');
  await place.add(1, 2, 3, 4, 5, 6);
  const members = [place.start(4), place.start(4), place.start(4)];
  await until('six addresses are shared', () => isShared(members, [1, 2, 3, 4, 5, 6]), members);
  const settled = members.map(({ addresses }) => addresses);
  await place.add(7, 8);
  await place.remove(1);
  await until('the changes are', () => isShared(members, [2, 3, 4, 5, 6, 7, 8]), members);
  for (const [number, held] of settled.entries()) {
    for (const address of held) if (address !== addressOf(1)) assert.ok(members[number]?.addresses.includes(address), `${address} moved`);
  }
  const [dead, ...others] = members.toSorted((a, b) => a.addresses.length - b.addresses.length);
  const kept = others.map(({ addresses }) => addresses);
  await dead?.end('SIGKILL');
  await until('what the dead one had is', () => isShared(others, [2, 3, 4, 5, 6, 7, 8]), others);
  for (const [number, held] of kept.entries()) for (const address of held) assert.ok(others[number]?.addresses.includes(address), `${address} moved`);
});

test('sharing anew takes nothing away in between, whoever leads', async (t) => {
  const place = await placeOf(t, 'anew');
  await place.add(1, 2, 3);
  const members = [place.start(10), place.start(10)];
  await until('three are shared', () => isShared(members, [1, 2, 3]), members);
  const settled = members.map(({ addresses, history }) => ({ addresses, from: history.length }));
  for (const number of [4, 5, 6, 7]) {
    await place.add(number);
    await until(`${String(number)} is shared`, () => isShared(members, [1, 2, 3, 4, 5, 6, 7].filter((each) => each <= number)), members);
  }
  for (const [number, { addresses, from }] of settled.entries()) {
    for (const assignment of members[number]?.history.slice(from) ?? []) for (const address of addresses) assert.ok(assignment.addresses.includes(address), `${address} was taken away`);
  }
});

test('what nobody has room for is told by the leader, and watched as soon as somebody has', async (t) => {
  const place = await placeOf(t, 'full');
  await place.add(1, 2, 3, 4, 5);
  const first = place.start(2);
  await until('the first is full', () => first.addresses.length === 2 && first.noRoom.length === 3, [first]);
  const second = place.start(2);
  const both = [first, second];
  await until('both are full', () => first.addresses.length === 2 && second.addresses.length === 2 && both.some(({ isLeader, noRoom }) => isLeader && noRoom.length === 1), both);
  const [missing = ''] = both.find(({ isLeader }) => isLeader)?.noRoom ?? [];
  await place.remove(Number(first.addresses[0]));
  await until('the fifth is watched', () => first.addresses.includes(missing), both);
  await until('nothing is told any more', () => both.some(({ isLeader, noRoom }) => isLeader && noRoom.length === 0), both);
});

test('who leaves hands over at once, and who comes back is given what is free', async (t) => {
  const place = await placeOf(t, 'leave');
  await place.add(1, 2, 3, 4);
  const members = [place.start(4), place.start(4)];
  await until('four are shared', () => isShared(members, [1, 2, 3, 4]), members);
  const [leaving, staying] = members;
  assert.ok(leaving !== undefined && staying !== undefined);
  await leaving.end('SIGTERM');
  await until('the other has all', () => isShared([staying], [1, 2, 3, 4]), [staying]);
  await place.add(5, 6);
  await until('two have no room', () => staying.noRoom.length === 2, [staying]);
  const back = place.start(4);
  await until('the new one has them', () => back.addresses.length === 2 && isShared([staying, back], [1, 2, 3, 4, 5, 6]), [staying, back]);
});
