// The local stack on the real thing. The parts are in parts.ts, the laws S1 to S4 in stack.ts, P1 to P4 in process.ts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from './identity.ts';
import {
  StackError, down, fetchArtifacts, fetchRedis, freePorts, startKafka, startRedis, startRegistry, status, up,
  type Artifacts, type PartStatus, type StackStatus,
} from './index.ts';
import { archiveOf, classArguments } from './jvm.ts';
import { answers, isFree } from './ports.ts';
import { tryRun } from './run.ts';
import { readState } from './state.ts';

const SCHEMA = JSON.stringify({ type: 'record', name: 'Kept', fields: [] });
const REDIS_PORT = 16_379;
let artifacts: Artifacts;

before(async () => {
  artifacts = await fetchArtifacts();
});

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-stack-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A stack's folder, whose stack is down when the test ends. */
function stackFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-stack-'));
  context.after(async () => {
    await down(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function isAlive(pid: number): boolean {
  return identify(pid) !== null;
}

function partOf(stack: StackStatus | null, name: string): PartStatus {
  const part = stack?.parts.find((each) => each.name === name);
  assert.ok(part !== undefined, `${name} is a part`);
  return part;
}

function pidOf(stack: StackStatus | null, name: string): number {
  const { pid } = partOf(stack, name);
  assert.ok(pid !== null, `${name} runs`);
  return pid;
}

/** Ends a process of the stack as a crash does, and waits until it is gone. */
async function crash(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await sleep(10);
}

/** What Redis answers to one inline command. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${command}\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

async function post(url: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return await response.json();
}

async function get(url: string): Promise<unknown> {
  return await (await fetch(url)).json();
}

/** What a broker answers to one request without a client id. */
async function askKafka(port: number, kind: number, version: number, body: string): Promise<string> {
  const head = Buffer.alloc(14);
  head.writeInt32BE(10 + body.length / 2, 0);
  head.writeInt16BE(kind, 4);
  head.writeInt16BE(version, 6);
  head.writeInt16BE(-1, 12);
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.concat([head, Buffer.from(body, 'hex')]));
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

/** CreateTopics, version 2: one topic `kept`, one partition, one replica, 5 s. */
async function createTopic(port: number): Promise<string> {
  const name = `0004${Buffer.from('kept').toString('hex')}`;
  return await askKafka(port, 19, 2, `00000001${name}00000001000100000000000000000000138800`);
}

/** Metadata, version 1, of all topics. */
async function topics(port: number): Promise<string> {
  return await askKafka(port, 3, 1, 'ffffffff');
}

/** Makes sure that a port is taken while a test runs, by this test or by somebody else. */
async function takePort(context: TestContext, port: number): Promise<void> {
  if (!await isFree(port)) return;
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
}

test('a stack comes up, answers, mends what died, keeps its data, and ends', async (context) => {
  const folder = stackFolder(context);
  assert.equal(await status(folder), null);
  await takePort(context, REDIS_PORT);

  const first = await up({ folder, brokers: 1, mode: 'processes' });
  assert.deepEqual(first.started, ['kafka', 'redis', 'registry']);
  const { redis, registry, bootstrap, parts } = first.status;
  const kafkaPort = Number(bootstrap.split(':')[1]);
  const redisPort = Number(new URL(redis).port);
  await context.test('every part answers at its address', async () => {
    assert.ok(parts.every(({ running }) => running));
    assert.ok(await answers(kafkaPort));
    assert.match(readFileSync(partOf(first.status, 'kafka').log ?? '', 'utf8'), /Kafka Server started/);
    assert.match(await ask(redisPort, 'SET kept yes'), /OK/);
    assert.match(await createTopic(kafkaPort), /kept/);
    assert.deepEqual(await get(`${registry}/config`), { compatibilityLevel: 'BACKWARD' });
    assert.deepEqual(await post(`${registry}/subjects/kept/versions`, { schema: SCHEMA }), { id: 1 });
  });

  await context.test('a part whose port is taken gets another, and up says so', () => {
    assert.deepEqual(first.moved.find(({ name }) => name === 'redis'), { name: 'redis', wanted: REDIS_PORT, port: redisPort });
  });

  await context.test('a second up changes nothing and says so', async () => {
    const second = await up({ folder, brokers: 1, mode: 'processes' });
    assert.deepEqual(second.started, []);
    assert.deepEqual(second.status, first.status);
  });

  await context.test('three brokers are refused while one is up', async () => {
    await assert.rejects(up({ folder, brokers: 3 }), (error) => error instanceof StackError && error.code === 'mismatch');
  });

  await context.test('status knows what a kill -9 ended, and up starts just that again, with its data', async () => {
    await crash(pidOf(first.status, 'redis'));
    await crash(pidOf(first.status, 'registry'));
    const hurt = await status(folder);
    assert.deepEqual(hurt?.parts.filter(({ running }) => running).map(({ name }) => name), ['kafka']);
    assert.equal(partOf(hurt, 'redis').pid, null);
    const mended = await up({ folder, brokers: 1, mode: 'processes' });
    assert.deepEqual(mended.started, ['redis', 'registry']);
    assert.equal(pidOf(mended.status, 'kafka'), pidOf(first.status, 'kafka'));
    assert.deepEqual([mended.status.redis, mended.status.registry], [redis, registry]);
    assert.match(await ask(redisPort, 'GET kept'), /yes/);
    assert.deepEqual(await get(`${registry}/subjects`), ['kept']);
  });

  await context.test('down ends every process and says which', async () => {
    const pids = (await status(folder))?.parts.map(({ pid }) => pid ?? 0) ?? [];
    assert.equal(pids.filter(isAlive).length, 3);
    assert.deepEqual(await down(folder), { stopped: ['kafka', 'redis', 'registry'], gone: [] });
    assert.deepEqual(pids.filter(isAlive), []);
    assert.ok((await status(folder))?.parts.every(({ running }) => !running));
    assert.deepEqual(await down(folder), { stopped: [], gone: ['kafka', 'redis', 'registry'] });
  });

  await context.test('a stack that comes up again has its data, its ids and its ports', async () => {
    const again = await up({ folder, brokers: 1 });
    assert.deepEqual(again.started, ['kafka', 'redis', 'registry']);
    assert.deepEqual([again.status.bootstrap, again.status.redis, again.status.registry], [bootstrap, redis, registry]);
    assert.match(await topics(kafkaPort), /kept/);
    assert.match(await ask(redisPort, 'GET kept'), /yes/);
    assert.deepEqual(await post(`${registry}/subjects/new/versions`, { schema: SCHEMA.replace('Kept', 'New') }), { id: 2 });
    assert.deepEqual(await post(`${registry}/subjects/kept/versions`, { schema: SCHEMA }), { id: 1 });
  });
});

test('a process that only has the pid of the stack is never ended', async (context) => {
  const folder = stackFolder(context);
  const foreign = spawn('sleep', ['60'], { stdio: 'ignore' });
  context.after(() => foreign.kill());
  const part = { name: 'redis', port: 1, controllerPort: 0, folder, log: join(folder, 'redis.log') };
  const parts = [{ ...part, process: { pid: foreign.pid, started: 'another boot:1' } }];
  const state = { format: 1, mode: 'processes', brokers: 1, parts };
  writeFileSync(join(folder, 'stack.json'), JSON.stringify(state));
  assert.equal(partOf(await status(folder), 'redis').running, false);
  assert.deepEqual(await down(folder), { stopped: [], gone: ['redis'] });
  assert.ok(isAlive(foreign.pid ?? 0));
});

test('while an up runs no other command does, and when it is killed down finds what it had started', async (context) => {
  const folder = stackFolder(context);
  const options = JSON.stringify({ folder, brokers: 1, mode: 'processes' });
  const code = `import { up } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}; await up(${options});`;
  const command = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
  const started = (): number[] => readState(folder)?.parts.flatMap((part) => part.process?.pid ?? []) ?? [];
  while (started().length < 3 && command.exitCode === null) await sleep(10);
  await assert.rejects(down(folder), (error) => error instanceof StackError && error.code === 'in-use');
  await crash(command.pid ?? 0);
  const pids = started();
  assert.equal(pids.filter(isAlive).length, 3);
  await down(folder);
  assert.deepEqual(pids.filter(isAlive), []);
});

test('three brokers come up, and one that is killed comes back with its data and its port', async (context) => {
  const kafka = await startKafka({ folder: newFolder(context), artifacts, brokers: 3, shortLived: true });
  context.after(() => kafka.stop());
  assert.equal(kafka.bootstrap.split(',').length, 3);
  const [, second] = kafka.nodes;
  assert.ok(second !== undefined);
  const pid = second.process.pid;
  assert.equal(await second.process.kill(), true);
  assert.deepEqual(kafka.nodes.map(({ process: { running } }) => running), [true, false, true]);
  assert.equal(await answers(second.port), false);
  await second.process.start();
  assert.notEqual(second.process.pid, pid);
  assert.ok(await answers(second.port));
  assert.equal(await second.process.stop(), true);
  assert.equal(second.process.running, false);
});

test('one service alone gets what it is given: a port, arguments, properties', async (context) => {
  const folder = newFolder(context);
  const [port = 0] = await freePorts(1);
  const redis = await startRedis({ folder, port, args: ['--maxmemory', '10mb'] });
  context.after(() => redis.stop());
  assert.deepEqual([redis.port, redis.url], [port, `redis://127.0.0.1:${port}`]);
  assert.match(await ask(port, 'CONFIG GET maxmemory'), /10485760/);
  const registry = await startRegistry({ folder, artifacts });
  context.after(() => registry.stop());
  assert.match(registry.url, /:\d+\/apis\/ccompat\/v7$/);
  assert.deepEqual(await get(`${registry.url}/subjects`), []);
  const kafka = await startKafka({ folder, artifacts, brokers: 1, properties: { 'num.partitions': 7 } });
  context.after(() => kafka.stop());
  assert.match(readFileSync(join(folder, 'kafka/server.properties'), 'utf8'), /^num\.partitions=7$/m);
});

test('a port that was asked for and is taken is refused by name, with the reason', async (context) => {
  const folder = newFolder(context);
  const redis = await startRedis({ folder });
  context.after(() => redis.stop());
  const error = await startRedis({ folder: newFolder(context), port: redis.port }).then(() => null, (reason: unknown) => reason);
  assert.ok(error instanceof StackError && error.code === 'port-taken');
  assert.match(error.message, /redis ended before it was ready.*in use/);
  assert.equal(error.message.split('\n').length, 1);
});

test('a service that cannot start says so with the end of its log', async (context) => {
  const started = startKafka({ folder: newFolder(context), artifacts, brokers: 1, properties: { 'process.roles': 'nonsense' } });
  await assert.rejects(started, (error) => error instanceof StackError && /nonsense/.test(error.message));
});

test('what is in the cache is not fetched again', async () => {
  const began = performance.now();
  assert.deepEqual(await fetchArtifacts(), artifacts);
  assert.deepEqual(await fetchRedis(), artifacts.redis);
  assert.ok(performance.now() - began < 2_000);
});

test('Kafka and the registry start from archives of their classes', async () => {
  const { java, kafka, classes } = artifacts;
  const start = async (libs: string): Promise<string | null> => (
    await tryRun(java, ['-Xshare:on', ...classArguments(classes, 'format'), '-cp', libs, 'kafka.tools.StorageTool', 'random-uuid'])
  );
  assert.match(await start(join(kafka, '*')) ?? '', /^[\w-]{22}\n$/);
  assert.equal(await start(`${import.meta.dirname}:${join(kafka, '*')}`), null); // Java says no to an archive of other classes, if it has to use it.
  assert.deepEqual((['broker', 'registry'] as const).map((program) => existsSync(archiveOf(classes.folder, program))), [true, true]);
});

test('with an archive of something else a program starts all the same', async (context) => {
  const folder = newFolder(context);
  copyFileSync(archiveOf(artifacts.classes.folder, 'format'), archiveOf(folder, 'registry'));
  const registry = await startRegistry({ folder, artifacts: { ...artifacts, classes: { folder, isRecording: false } } });
  assert.deepEqual(await get(`${registry.url}/subjects`), []);
  await registry.stop();
});
