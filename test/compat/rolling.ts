// A rolling upgrade under load, and back again: processors of one version are replaced one after another by those of another,
// as members of one group, while both versions write what is to be read.
//
// U1  The judge is a fold of its own: `replay` gives byte for byte what went out, whoever emitted it; no signal came twice or out
//     of order; and the totals are those of a plain run of the journal.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WireFormat, connectionOf, nameIn, readTopic, registryOf, withAdmin } from '@fillstream/kafka';
import { decodeSignal, type Signal } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import { difference, signalSums, type Sums } from '../chaos/judge.ts';
import { Installation, NO_ANOMALIES, SESSION_MS, anomalies, type JoinedServers } from '../end-to-end/cluster.ts';
import { fillstream, linesOf, type Running } from '../end-to-end/command.ts';
import { marketLines } from '../end-to-end/journals.ts';
import { THIS_VERSION, startVersion, type Version } from './other-version.ts';

export type Upgrade = {
  readonly servers: JoinedServers;
  readonly namespace: string;
  /** A folder of its own. */
  readonly folder: string;
  readonly seed: number;
  readonly records: number;
  /** How many processors there are. */
  readonly members: number;
  /** What runs at first and in the end, and what replaces it in between. */
  readonly from: Version;
  readonly to: Version;
  readonly onStep?: (what: string) => void;
};

export type Upgraded = {
  readonly signals: number;
  readonly replaced: number;
  /** How many of those replacements came while there was more to be read. */
  readonly underLoad: number;
  /** By the id of the schema that they were written with, how many signals. */
  readonly bySchema: ReadonlyMap<number, number>;
};

const PARTITIONS = 3;
/** Parts of the journal: each is written by a process of its own, the versions in turns. */
const PARTS = 6;
/** As lines and as JSON, by version. */
const ASSIGNED = /has partitions|partitions assigned/;
const POLL_MS = 250;
const PATIENCE_MS = 120_000;

/** Throws an AssertionError for a signal that isn't what it has to be. */
export async function upgradeAndBack(upgrade: Upgrade): Promise<Upgraded> {
  const site = new Site(upgrade);
  const { from, to, members, onStep } = upgrade;
  const running: Running[] = [];
  try {
    await site.createTopics(from);
    await site.createTopics(to); // Schemas first (docs/upgrading.md).
    for (let member = 0; member < members; member += 1) running.push(await site.joined(from));
    const load = { isOver: false };
    const feeding = site.feed().finally(() => (load.isOver = true));
    feeding.catch(() => undefined); // Met below.
    let [replaced, underLoad] = [0, 0];
    for (const version of [to, from]) {
      for (let member = 0; member < members; member += 1, replaced += 1) {
        const before = running[member];
        running[member] = await site.joined(version);
        await left(before, replaced % 3 === 2 ? 'SIGKILL' : 'SIGTERM');
        if (!load.isOver) underLoad += 1;
        onStep?.(`${version.name} in place of member ${String(member)}${load.isOver ? '' : ', under load'}`);
      }
    }
    await feeding;
    await site.drained(running);
    return { ...await site.judged(), replaced, underLoad };
  } finally {
    await Promise.all(running.map(async (each) => await left(each, 'SIGKILL')));
  }
}

async function left(running: Running | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (running === undefined || !running.kill(signal)) return;
  const { code, stderr } = await running.ended;
  if (signal === 'SIGTERM') assert.equal(code, 0, stderr);
}

class Site {
  readonly #upgrade: Upgrade;
  readonly #installation: Installation;
  readonly #lines: readonly string[];

  constructor(upgrade: Upgrade) {
    this.#upgrade = upgrade;
    this.#installation = new Installation(upgrade.servers, upgrade.namespace);
    this.#lines = marketLines({ seed: upgrade.seed, records: upgrade.records, addresses: 30 });
  }

  async createTopics(version: Version): Promise<void> {
    await this.#run(version, ['topics', 'create', '--partitions', String(PARTITIONS), '--no-timestamp-limit']);
  }

  /** A processor that has heard of the group. */
  async joined(version: Version): Promise<Running> {
    const redis = ['--redis', `127.0.0.1:${String(this.#upgrade.servers.redis.port)}`];
    const running = startVersion(version, ['processor', ...this.#flags(), ...redis, '--session-timeout', String(SESSION_MS)]);
    await Promise.race([running.heard(ASSIGNED), running.ended.then(({ stderr }) => assert.fail(`${version.name} ended: ${stderr}`))]);
    return running;
  }

  /** The journal onto the topics, part by part, time at its end running on. */
  async feed(): Promise<void> {
    const { folder, from, to } = this.#upgrade;
    const size = Math.ceil(this.#lines.length / PARTS);
    for (let part = 0; part < PARTS; part += 1) {
      const path = `${folder}/part-${String(part)}.ndjson`;
      writeFileSync(path, `${this.#lines.slice(part * size, (part + 1) * size).join('\n')}\n`);
      await this.#run(part % 2 === 0 ? from : to, ['import', '--journal', path, ...(part === PARTS - 1 ? ['--finish'] : [])]);
    }
  }

  /** Resolves when everything is behind a committed offset. */
  async drained(running: readonly Running[]): Promise<void> {
    const ended = Promise.race(running.map(async (each) => await each.ended));
    const deadline = performance.now() + PATIENCE_MS;
    while (await this.#lag() > 0) {
      assert.ok(performance.now() < deadline, `still ${String(await this.#lag())} records to go`);
      const over = await Promise.race([sleep(POLL_MS), ended]);
      if (over !== undefined) assert.fail(`a processor ended: ${over.stderr}`);
    }
  }

  /** U1. */
  async judged(): Promise<Pick<Upgraded, 'signals' | 'bySchema'>> {
    const { signals, bySchema } = await this.#signals();
    const lines = signals.map((signal) => JSON.stringify(signal));
    assert.deepEqual({ ...anomalies(lines, lines) }, NO_ANOMALIES);
    await this.#run(THIS_VERSION, ['replay']);
    assert.equal(difference(signalSums(signals), await this.#expected()), null);
    return { signals: signals.length, bySchema };
  }

  async #expected(): Promise<Sums> {
    const { folder } = this.#upgrade;
    writeFileSync(`${folder}/journal.ndjson`, `${this.#lines.join('\n')}\n`);
    const { code, stderr } = await fillstream(['run', '--journal', `${folder}/journal.ndjson`, '--out', `${folder}/expected.ndjson`]);
    assert.equal(code, 0, stderr);
    return signalSums(linesOf(`${folder}/expected.ndjson`).map(signalOf));
  }

  /** By this version's schema, whichever wrote them. */
  async #signals(): Promise<{ readonly signals: readonly Signal[]; readonly bySchema: ReadonlyMap<number, number> }> {
    const { kafka, registry } = this.#installation;
    const format = await WireFormat.of(registryOf(registry), 'signals', nameIn(kafka.namespace, 'signals'));
    const values = (await readTopic(kafka, 'signals')).map(({ value }) => value);
    await format.learn(values);
    const byId = Map.groupBy(values, (value) => value?.readUInt32BE(1) ?? 0);
    return {
      signals: values.map((value) => decodeSignal(format.unframe(value) ?? Buffer.alloc(0))),
      bySchema: new Map(Array.from(byId, ([id, group]) => [id, group.length])),
    };
  }

  async #lag(): Promise<number> {
    const names = INPUT_TOPICS.map((topic) => this.#installation.nameOf(topic));
    return await withAdmin(connectionOf(this.#installation.kafka), async (admin) => {
      const committed = await admin.fetchOffsets({ groupId: this.#installation.nameOf('processor'), topics: names });
      const ends = await Promise.all(names.map(async (topic) => await admin.fetchTopicOffsets(topic)));
      return names.flatMap((name, place) => (ends[place] ?? []).map(({ partition, high }) => {
        const held = committed.find(({ topic }) => topic === name)?.partitions.find((each) => each.partition === partition);
        return Number(high) - Math.max(0, Number(held?.offset ?? 0));
      })).reduce((sum, lag) => sum + lag, 0);
    });
  }

  async #run(version: Version, args: readonly string[]): Promise<void> {
    const { ended } = startVersion(version, [...args, ...this.#flags()]);
    const { code, stderr } = await ended;
    assert.equal(code, 0, `${version.name}, ${args.join(' ')}: ${stderr}`);
  }

  #flags(): string[] {
    const { kafka, registry } = this.#upgrade.servers;
    return ['--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', this.#upgrade.namespace];
  }
}

function signalOf(line: string): Signal {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(line) as Signal; // A line of a run of this version.
}
