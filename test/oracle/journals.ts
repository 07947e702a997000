// Seeded random journals in which the rules of the contract collide.
//
// J1  The same seed and size give the same journal and settings.
// J2  Most records belong to plausible orders (plans.ts); around them are repeats, rivals, refusals and jumps of the clock.
import { ADDRESSES, NO_TRADES, oddLine } from './oddities.ts';
import { anyCase, isRecord, nudged, orderRecords, type JsonRecord } from './plans.ts';
import { randomOf, type Random } from './random.ts';
import type { Settings } from './settings.ts';

export type Journal = { readonly lines: readonly string[]; readonly settings: Partial<Settings> };

const SECOND = 1_000;
const MINUTE = 60_000;
const SMALL_JUMPS = [3 * SECOND, 6 * SECOND, 2 * SECOND, 5 * SECOND] as const;
const LARGE_JUMPS = [5 * MINUTE, 6 * MINUTE, 10 * MINUTE, 11 * MINUTE, 61 * MINUTE, 31 * 1440 * MINUTE] as const;

type Scene = {
  readonly random: Random;
  readonly lines: string[];
  /** Records of plans begun that were not sent yet, and those that were. */
  readonly waiting: JsonRecord[];
  readonly sent: JsonRecord[];
  readonly oids: number[];
  readonly wildness: number;
  readonly largeJumps: number;
  readonly freshOids: number;
  now: number;
  /** The time of the plan before: orders of one millisecond try the ties. */
  planTime: number;
};

/** A journal of `size` lines. */
export function journal(seed: number, size: number): Journal {
  const random = randomOf(seed);
  const scene: Scene = {
    random,
    lines: [],
    waiting: [],
    sent: [],
    oids: [7],
    wildness: random.pick([0, 0.02, 0.05, 0.15]),
    largeJumps: random.pick([0.002, 0.01, 0.03]),
    freshOids: random.pick([0.6, 0.85, 0.95]),
    now: 1_760_000_000_000 + random.between(0, 5000),
    planTime: 1_760_000_000_000,
  };
  const settings = settingsOf(random);
  greet(scene);
  while (scene.lines.length < size) step(scene);
  return { lines: scene.lines, settings };
}

function settingsOf(random: Random): Partial<Settings> {
  if (random.chance(0.35)) return {};
  const changes: Partial<Settings>[] = [
    { memory: random.between(1, 3) },
    { memory: random.between(1, 3) },
    { lateFills: 'drop' },
    { lateFills: 'drop' },
    { graceMs: random.pick([1, 500, 30_000, 700_000]) },
    { quietMs: random.pick([1, 300, 400_000]) },
    { timeoutMs: random.pick([1, 1000, 20_000]) },
    { statusMs: random.pick([1, 1000, 5000]) },
    { finishedMs: random.pick([1, 1000, 7200_000]) },
    { quietFinishedMs: random.pick([1, 3000, 60_000]) },
    { unfinishedMs: random.pick([1, 60_000, 600_000]) },
    { startBehindMs: random.pick([0, 1000, 3600_000]) },
    { smallBelow: 100, mediumBelow: 50_000 },
    { lateFills: 'revise' },
  ];
  return changes.filter(() => random.chance(0.2)).reduce((all, change) => ({ ...all, ...change }), {});
}

/** Now and then an address is first seen in a record of no effect, and out of time. */
function greet(scene: Scene): void {
  const { random } = scene;
  if (!random.chance(0.3)) return;
  if (random.chance(0.5)) send(scene, { kind: 'tick' });
  for (const address of ADDRESSES) {
    const receivedAt = scene.now - random.pick([0, 20, 3000, 400_000]);
    sendRaw(scene, JSON.stringify({ kind: 'fill', address, receivedAt, data: { dir: random.pick(NO_TRADES) } }));
  }
}

function step(scene: Scene): void {
  const { random } = scene;
  advance(scene);
  if (random.chance(scene.wildness)) return sendOddity(scene);
  if (scene.waiting.length === 0 || random.chance(0.12)) startPlan(scene);
  const roll = random.unit();
  if (roll < 0.72) return sendWaiting(scene);
  if (roll < 0.84) return sendAgain(scene);
  if (roll < 0.9) return sendVariant(scene);
  if (roll < 0.95) return send(scene, accountRecord(scene));
  return send(scene, { kind: 'tick', receivedAt: 0 });
}

function advance(scene: Scene): void {
  const { random } = scene;
  if (random.chance(scene.largeJumps)) scene.now += random.pick(LARGE_JUMPS) + random.pick([0, 0, -1, 1]);
  else if (random.chance(0.04)) scene.now += random.pick(SMALL_JUMPS) + random.pick([0, 0, -1, 1]);
  else if (random.chance(0.5)) scene.now += random.pick([1, 5, 50, 300, 900]);
}

function startPlan(scene: Scene): void {
  const { random } = scene;
  const behind = random.pick([0, 0, 0, -20, -3000, -400_000, -300_000, -299_999, 1000]);
  const time = random.chance(0.25) ? scene.planTime : scene.now + behind;
  scene.planTime = time;
  const records = orderRecords(random, random.pick(ADDRESSES), oidOf(scene), time);
  if (random.chance(0.12)) records.splice(random.between(0, records.length - 1), 1);
  scene.waiting.push(...records);
}

function oidOf(scene: Scene): number {
  const { random, oids } = scene;
  if (!random.chance(scene.freshOids)) return oids[random.between(Math.max(0, oids.length - 6), oids.length - 1)] ?? 7;
  if (random.chance(0.03)) return random.pick([0, Number.MAX_SAFE_INTEGER, 5]);
  const fresh = (oids.length * 37) % 1009;
  oids.push(fresh);
  return fresh;
}

function sendWaiting(scene: Scene): void {
  const { random, waiting } = scene;
  const index = random.chance(0.6) ? 0 : random.between(0, Math.min(waiting.length - 1, 12));
  const [record] = waiting.splice(index, 1);
  if (record !== undefined) send(scene, record);
}

function sendAgain(scene: Scene): void {
  const record = oneSent(scene);
  if (record !== undefined) send(scene, structuredClone(record));
}

/** A sent record with something changed: a conflict, a late or missing fill, a rival status. */
function sendVariant(scene: Scene): void {
  const { random } = scene;
  const record = structuredClone(oneSent(scene));
  const data = record?.['data'];
  if (record === undefined || !isRecord(data)) return;
  switch (random.between(0, 6)) {
    case 0:
      changeText(data, random.pick(['px', 'sz', 'startPosition']));
      break;
    case 6:
      changeText(data, 'sz');
      data['tid'] = random.pick([0, 0, 1, 2, random.between(1, 1e12)]);
      break;
    case 1:
      data['tid'] = random.pick([0, 1, 2, 3, random.between(1, 1e12)]);
      break;
    case 2:
      Object.assign(data, { tid: random.between(1, 1e12), time: scene.now + random.pick([0, 1, -5000]) });
      break;
    case 3:
      data['side'] = data['side'] === 'B' ? 'A' : 'B';
      break;
    case 4:
      if ('status' in data) data['status'] = random.pick(['filled', 'canceled', 'aCanceled', 'zRejected', 'open']);
      else data['hash'] = random.pick(['0xaa', '0xdd', null]);
      break;
    default:
      if ('statusTimestamp' in data) data['statusTimestamp'] = scene.now;
      else Object.assign(data, { dir: random.pick(NO_TRADES) });
  }
  send(scene, record);
}

function changeText(data: JsonRecord, field: string): void {
  const text = data[field];
  if (typeof text === 'string') data[field] = nudged(text);
}

function oneSent(scene: Scene): JsonRecord | undefined {
  const { random, sent } = scene;
  const from = random.chance(0.6) ? Math.max(0, sent.length - 15) : 0;
  return sent[random.between(from, sent.length - 1)];
}

function accountRecord(scene: Scene): JsonRecord {
  const { random, now } = scene;
  const time = now + random.pick([0, 0, 0, -1, -5000, 10_000]);
  const accountValue = random.pick(['1000', '123456.789', '33', '0', '0.0', '-5', '0.000001', '99999999999999.5']);
  return { kind: 'account', address: anyCase(random, random.pick(ADDRESSES)), data: { time, accountValue } };
}

function send(scene: Scene, record: JsonRecord): void {
  const { random } = scene;
  const back = random.chance(0.04) ? random.pick([1, 1000, 6000, 400_000]) : 0;
  const line: JsonRecord = { ...record, receivedAt: scene.now - back };
  scene.sent.push(line);
  scene.lines.push(JSON.stringify(line));
}

function sendOddity(scene: Scene): void {
  const { random } = scene;
  scene.now += random.pick([0, 0, 0, 6 * SECOND]);
  const model = structuredClone(oneSent(scene)) ?? accountRecord(scene);
  sendRaw(scene, oddLine(random, model, scene.now));
}

function sendRaw(scene: Scene, line: string): void {
  scene.lines.push(line);
}
