// Logins on servers that demand them, given to the real command; and however it ends, no password is in what it says.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  fetchArtifacts, freePorts, newCertificates, startKafka, startRedis, startRegistry, type Kafka, type Redis, type Registry,
} from '@fillstream/stack';
import { assertNoStack, fillstream, start, type Ended } from './command.ts';
import { SEED, marketLines, writeLines } from './journals.ts';

/** What must be nowhere: it is part of every password, right or wrong. */
const CANARY = 'k4n4r1';
const USER = 'keeper';
const RIGHT = { kafka: `${CANARY}-kafka`, registry: `${CANARY}-registry`, redis: `${CANARY}-redis` };
const WRONG = `${CANARY}-wrong`;
type Server = keyof typeof RIGHT;

const folder = mkdtempSync(join(tmpdir(), 'fillstream-secrets-'));
const [ca, otherCa, journal] = [join(folder, 'ca.pem'), join(folder, 'other-ca.pem'), join(folder, 'journal.ndjson')];
let servers: { readonly kafka: Kafka; readonly registry: Registry; readonly redis: Redis } | null = null;

before(async () => {
  const [artifacts, certificates, others] = await Promise.all([fetchArtifacts(), newCertificates(), newCertificates()]);
  writeFileSync(ca, certificates.ca);
  writeFileSync(otherCa, others.ca);
  writeLines(journal, marketLines({ seed: SEED, records: 500 }));
  for (const [server, password] of Object.entries(RIGHT)) writeFileSync(join(folder, `${server}.password`), `${password}\n`);
  writeFileSync(join(folder, 'wrong'), WRONG);
  writeFileSync(join(folder, 'empty'), '\n');
  const security = (server: Server) => ({ ...certificates, users: [{ name: USER, password: RIGHT[server] }] });
  const properties = { 'group.min.session.timeout.ms': 1_000 };
  const [kafka, registry, redis] = await Promise.all([
    startKafka({ folder, artifacts, brokers: 1, security: security('kafka'), properties, shortLived: true }),
    startRegistry({ folder, artifacts, security: security('registry'), shortLived: true }),
    startRedis({ folder, args: ['--requirepass', RIGHT.redis] }),
  ]);
  servers = { kafka, registry, redis };
  assertEndsWell(await secretly(['topics', 'create', '--partitions', '2', '--no-timestamp-limit'], inFiles()));
});

after(async () => {
  await Promise.all([servers?.kafka.stop(), servers?.registry.stop(), servers?.redis.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Values of flags without their dashes; undefined leaves one out, '' is a switch. */
type Flags = Readonly<Record<string, string | undefined>>;

/** All that the servers need but the passwords. */
function logins(namespace = 'secret'): Flags {
  assert.ok(servers !== null);
  return {
    'kafka': servers.kafka.bootstrap, 'registry': servers.registry.url, 'redis': `127.0.0.1:${String(servers.redis.port)}`, 'namespace': namespace,
    'kafka-tls': '', 'kafka-ca': ca, 'kafka-sasl': 'scram-sha-512', 'kafka-username': USER,
    'registry-ca': ca, 'registry-username': USER,
  };
}

function inFiles(namespace?: string): Flags {
  const passwords = Object.keys(RIGHT).map((server) => [`${server}-password-file`, join(folder, `${server}.password`)]);
  return { ...logins(namespace), ...Object.fromEntries(passwords) };
}

/** Flags as the environment variables that stand for them. */
function asVariables(flags: Flags): Record<string, string> {
  return Object.fromEntries(Object.entries(flags).flatMap(([flag, value]) => (
    value === undefined ? [] : [[`FILLSTREAM_${flag.toUpperCase().replaceAll('-', '_')}`, value === '' ? 'true' : value]]
  )));
}

const passwordVariables = (passwords: Readonly<Record<string, string>> = RIGHT): Record<string, string> => asVariables(
  Object.fromEntries(Object.entries(passwords).map(([server, password]) => [`${server}-password`, password])),
);

function asArguments(command: readonly string[], flags: Flags): string[] {
  const left = ['processor', 'doctor', 'status'].includes(command[0] ?? '') ? [] : ['redis', 'redis-password-file'];
  return [...command, ...Object.entries(flags).flatMap(([flag, value]) => {
    if (value === undefined || left.includes(flag)) return [];
    return value === '' ? [`--${flag}`] : [`--${flag}`, value];
  })];
}

/** Runs the command to its end, and looks at all that it said. */
async function secretly(command: readonly string[], flags: Flags, env: Readonly<Record<string, string | undefined>> = {}): Promise<Ended> {
  const ended = await fillstream(asArguments(command, flags), { env });
  assertSecret(ended);
  return ended;
}

/** The client's own noise, which the command would not make by itself. */

/** Neither a password nor its Base64, which has one of three forms by its place, is in what was said. */
function assertSecret({ stdout, stderr }: Ended): void {
  const forms = [CANARY, ...Object.values(RIGHT).concat(WRONG).flatMap((password) => [password, `${USER}:${password}`, `:${password}`])
    .map((text) => Buffer.from(text).toString('base64').replace(/..?==?$|.=$/, ''))];
  for (const text of [stdout, stderr]) for (const form of forms) assert.ok(!text.includes(form), `${form} is in ${text}`);
}

function assertEndsWell({ code, stderr }: Ended): void {
  assert.equal(code, 0, stderr);
}

/** It ends by one line that says why, perhaps after one of what it met while it still tried. */
function assertFails({ code, stderr }: Ended, expected: number, message: RegExp): void {
  assertNoStack(stderr);
  const lines = stderr.trimEnd().split('\n');
  assert.equal(code, expected, stderr);
  assert.match(lines.at(-1) ?? '', message);
  assert.ok(lines.length <= (expected === 2 ? 1 : 2), stderr);
}

/** Runs a processor until it has partitions, and stops it as an operator would. */
async function workBriefly(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const running = start(args, { env });
  await running.heard(/partition \d rebuilt[^]*partition \d rebuilt/);
  running.kill('SIGTERM');
  const ended = await running.ended;
  assertSecret(ended);
  assertEndsWell(ended);
  assert.match(ended.stderr, /drained and left the group/);
}

test('with passwords in files the commands do their work, and tell none of them', async () => {
  const flags = inFiles('files');
  assertEndsWell(await secretly(['topics', 'create', '--partitions', '2', '--no-timestamp-limit'], flags));
  const imported = await secretly(['import', '--journal', journal, '--finish'], flags);
  assert.match(imported.stderr, /5\d\d records are on the topics/);
  await workBriefly(asArguments(['processor', '--session-timeout', '2000'], flags), {});
});

test('with everything in the environment the commands do their work, and tell no password', async () => {
  const env = { ...asVariables(logins('variables')), ...passwordVariables() };
  assertEndsWell(await secretly(['topics', 'create', '--partitions', '2', '--no-timestamp-limit'], {}, env));
  assert.match((await secretly(['import', '--journal', journal, '--finish'], {}, env)).stderr, /5\d\d records are on the topics/);
  await workBriefly(['processor', '--session-timeout', '2000'], env);
});

test('an authority that Node is told of by NODE_EXTRA_CA_CERTS needs no flag', async () => {
  const flags = { ...inFiles(), 'kafka-ca': undefined, 'registry-ca': undefined };
  assertEndsWell(await secretly(['topics', 'create', '--partitions', '2', '--no-timestamp-limit'], flags, { NODE_EXTRA_CA_CERTS: ca }));
});

const COMMANDS = [['topics', 'create', '--partitions', '2', '--no-timestamp-limit'], ['import', '--journal', journal], ['processor']] as const;

/** What every command refuses before it talks to a server. */
const BAD_USAGE: Readonly<Record<string, [Flags, RegExp]>> = {
  'a password as a flag': [{ 'kafka-password': WRONG }, /--kafka-password: passwords are no flags.*FILLSTREAM_KAFKA_PASSWORD/],
  'one as a flag of the registry': [{ 'registry-password': WRONG }, /--registry-password: passwords are no flags/],
  'a password where its file is expected': [{ 'kafka-password-file': WRONG }, /--kafka-password-file: can't read the file \(ENOENT\)/],
  'an empty password': [{ 'kafka-password-file': join(folder, 'empty') }, /--kafka-password-file: expected a password in the file/],
  'an empty password of the registry': [{ 'registry-password-file': join(folder, 'empty') }, /--registry-password-file: expected a password/],
  'no password': [{ 'kafka-password-file': undefined }, /--kafka-sasl: expected --kafka-username and a password too/],
  'no password of the registry': [{ 'registry-password-file': undefined }, /--registry-username: expected a password too/],
  'no user': [{ 'kafka-username': undefined }, /--kafka-sasl: expected --kafka-username and a password too/],
  'no user of the registry': [{ 'registry-username': undefined }, /--registry-password-file: expected --registry-username too/],
  'a user without a mechanism': [{ 'kafka-sasl': undefined }, /--kafka-username: expected --kafka-sasl too/],
  'an authority without TLS': [{ 'kafka-tls': undefined }, /--kafka-ca: expected --kafka-tls too/],
  'an authority that is none': [{ 'kafka-ca': journal }, /--kafka-ca: expected a certificate in PEM, .*journal.ndjson has none/],
  'an authority of the registry that is not there': [{ 'registry-ca': '/nowhere' }, /--registry-ca: can't read \/nowhere/],
  'a login in the URL of the registry': [{ registry: `https://${USER}:${WRONG}@127.0.0.1:1` }, /--registry: expected a URL without a login/],
  'a password as the URL of the registry': [{ registry: WRONG }, /--registry: expected a URL such as/],
  'a login in the address of a broker': [{ kafka: `${USER}:${WRONG}@127.0.0.1:1` }, /--kafka: expected host:port/],
};

describe('what can not be meant', { concurrency: 2 }, () => {
  for (const [what, [change, message]] of Object.entries(BAD_USAGE)) {
    test(`${what} is bad usage`, async () => {
      const [command] = COMMANDS;
      assertFails(await secretly(command, { ...inFiles(), ...change }), 2, message);
    });
  }

  test('a login in the address of Redis, a password as its flag, and settings that are none are bad usage', async () => {
    const faults: [Flags, RegExp][] = [
      [{ redis: `redis://:${WRONG}@127.0.0.1:1` }, /--redis: expected host:port/],
      [{ 'redis-password': WRONG }, /--redis-password: passwords are no flags/],
      [{ 'redis-password-file': WRONG }, /--redis-password-file: can't read the file \(ENOENT\)/],
      [{ 'redis-ca': ca }, /--redis-ca: expected --redis-tls too/],
      [{ set: 'graceMs=soon' }, /graceMs/],
    ];
    for (const [change, message] of faults) assertFails(await secretly(['processor'], { ...inFiles(), ...change }), 2, message);
  });
});

const LOGIN_REFUSED = /kafka, .*SASL SCRAM SHA512 authentication failed/;
const REGISTRY_REFUSED = /schema registry .*it refused the login \(401\)/;
const wrong = join(folder, 'wrong');

/** What a server, or nobody, answers to every command. */
const REFUSALS: Readonly<Record<string, [Flags, RegExp]>> = {
  'a wrong password': [{ 'kafka-password-file': wrong }, LOGIN_REFUSED],
  'an unknown user': [{ 'kafka-username': 'nobody' }, LOGIN_REFUSED],
  'no login': [{ 'kafka-sasl': undefined, 'kafka-username': undefined, 'kafka-password-file': undefined }, /does the broker want TLS, or a login\?/],
  'a wrong password of the registry': [{ 'registry-password-file': wrong }, REGISTRY_REFUSED],
  'an unknown user of the registry': [{ 'registry-username': 'nobody' }, REGISTRY_REFUSED],
  'no login to the registry': [{ 'registry-username': undefined, 'registry-password-file': undefined }, REGISTRY_REFUSED],
  'another authority of the registry': [{ 'registry-ca': otherCa }, /schema registry .*certificate/],
};

describe('what a server refuses', { concurrency: 2 }, () => {
  for (const [what, [change, message]] of Object.entries(REFUSALS)) {
    test(`${what} ends every command with one line`, async () => {
      for (const command of COMMANDS) assertFails(await secretly(command, { ...inFiles(), ...change }), 1, message);
    });
  }

  test('another authority of the brokers ends a command with one line', async () => {
    assertFails(await secretly(COMMANDS[0], { ...inFiles(), 'kafka-ca': otherCa }), 1, /kafka, .*certificate/);
  });

  test('a broker that is not there, or that is asked without TLS, ends a command with one line', async () => {
    const [port = 0] = await freePorts(1);
    const open = { 'kafka-tls': undefined, 'kafka-ca': undefined };
    const faults: [Flags, RegExp][] = [
      [{ kafka: `127.0.0.1:${String(port)}` }, /kafka, .*ECONNREFUSED/], [open, /kafka, .*does the broker want TLS/],
    ];
    await Promise.all(faults.map(async ([change, message]) => assertFails(await secretly(COMMANDS[1], { ...inFiles(), ...change }), 1, message)));
  });

  test('a registry that is not there, or that answers with something else, ends a command with one line', async (t) => {
    const answers = ['<html>\n<p>busy</p>\n</html>', '{"message":"no\\nnever"}', '[]', ''];
    const server = createServer((_, response) => response.writeHead(answers.length % 2 === 0 ? 502 : 200).end(answers.pop()));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    for (const port of [address.port, address.port, address.port, address.port, ...await freePorts(1)]) {
      const change = { 'registry': `http://127.0.0.1:${String(port)}`, 'registry-ca': undefined };
      assertFails(await secretly(COMMANDS[1], { ...inFiles(), ...change }), 1, /the schema registry/);
    }
  });

  test('a wrong password of Redis, or none, ends a processor with one line', async () => {
    assertFails(await secretly(['processor'], { ...inFiles(), 'redis-password-file': wrong }), 1, /redis at .*WRONGPASS/);
    assertFails(await secretly(['processor'], { ...inFiles(), 'redis-password-file': undefined }), 1, /redis at .*NOAUTH/);
  });
});

describe('a log in JSON', () => {
  type Line = { readonly level: string; readonly time: string; readonly service: string; readonly msg: string; readonly partition?: number; readonly detail?: string };

  function lines(stderr: string): Line[] {
    return stderr.trimEnd().split('\n').map((line) => JSON.parse(line) as Line);
  }

  test('has a partition\'s life in constant messages, with the data in fields', async () => {
    const running = start(asArguments(['processor', '--session-timeout', '2000', '--log', 'json'], inFiles('files')));
    await running.heard(/"partition taken over"[^]*"partition taken over"/);
    running.kill('SIGTERM');
    const ended = await running.ended;
    assertSecret(ended);
    const told = lines(ended.stderr);
    assert.deepEqual(new Set(told.map(({ msg }) => msg)), new Set(['partitions assigned', 'partition taken over', 'draining', 'drained']));
    assert.deepEqual(new Set(told.flatMap(({ partition }) => partition ?? [])), new Set([0, 1]));
    assert.ok(told.every(({ level, service, time }) => level === 'info' && service === 'processor' && !Number.isNaN(Date.parse(time))));
  });

  test('ends with the error, also where standard error is no terminal and nothing was said of the format', async () => {
    const { code, stderr } = await secretly(['processor'], { ...inFiles(), 'kafka-password-file': wrong }, { FILLSTREAM_LOG: undefined });
    const last = lines(stderr).at(-1);
    assert.deepEqual([code, last?.level, last?.msg], [1, 'error', 'ended by an error'], stderr);
    assert.match(last?.detail ?? '', LOGIN_REFUSED);
  });
});

describe('doctor and status', () => {
  test('find everything in order with the right passwords', async () => {
    const { code, stdout } = await secretly(['doctor', '--json'], inFiles());
    assert.equal(code, 0, stdout);
    assert.match(stdout, /"check":"schemas","verdict":"ok"/);
  });

  test('name each login that is refused', async () => {
    const { code, stdout } = await secretly(['doctor', '--json'], {
      ...inFiles(), 'kafka-password-file': wrong, 'registry-password-file': wrong, 'redis-password-file': wrong,
    });
    assert.equal(code, 1, stdout);
    for (const [check, why] of [['kafka', 'authentication failed'], ['schema registry', 'refused the login'], ['redis', 'WRONGPASS']]) {
      assert.match(stdout, new RegExp(`"check":"${String(check)}","verdict":"broken","found":"[^"]*${String(why)}`));
    }
  });

  test('tell what they can\'t know for want of a login', async () => {
    const { code, stdout } = await secretly(['status', '--json'], { ...inFiles(), 'redis-password-file': wrong });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /"unknown":\["orders and deadlines: redis at [^"]*WRONGPASS/);
    assertFails(await secretly(['status'], { ...inFiles(), 'kafka-password-file': wrong }), 1, LOGIN_REFUSED);
    assertFails(await secretly(['status', '--http', `http://${USER}:${WRONG}@127.0.0.1:1`], inFiles()), 2, /--http: expected host:port, or a URL without a login/);
  });
});
